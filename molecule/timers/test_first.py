"""The first deploy with timers, and what is a change of them."""

from __future__ import annotations

import subprocess

from events import ROOT, Shop
from recorder import FIRST, HOSTS, TIMERS, elapsing, timer, unchanged

NAMES = {str(one["name"]) for one in TIMERS}
OF_ONE_HOST = {str(one["name"]) for one in TIMERS if one.get("once_per_fleet")}


def check(shop: Shop, playbook: str) -> str:
    """Run a playbook with --check --diff, which must succeed."""
    command = [*shop.command(playbook), "--check", "--diff"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-6000:]
    return result.stdout


def test_check_of_bare_hosts_passes(bare: Shop) -> None:
    check(bare, "deploy")
    for host in HOSTS:
        assert bare.shell("ls -d /etc/systemd/system/shop@* 2>/dev/null || true", host) == ""


def test_each_host_has_them_elapse_and_one_what_runs_once(shop: Shop) -> None:
    assert [elapsing(shop, host) for host in HOSTS] == [NAMES, NAMES - OF_ONE_HOST]


def test_second_deploy_changes_nothing(shop: Shop) -> None:
    before = shop.live(FIRST)
    assert set(unchanged(shop.succeed("deploy"))) >= {*HOSTS, "timerlb"}
    assert shop.live(FIRST) == before


def test_changed_timer_alone_is_a_change(shop: Shop) -> None:
    slot, release = shop.live(FIRST).split()
    changed = timer("tick", 0.2, jitter=1)
    shop.variables["app_timers"] = [changed, *TIMERS[1:]]
    told = check(shop, "release")
    assert "+RandomizedDelaySec=1" in told
    shop.succeed("release")
    assert shop.live(FIRST).split() == [{"blue": "green", "green": "blue"}[slot], release]
    shop.variables["app_timers"] = TIMERS
    shop.succeed("release")
    assert shop.live(FIRST).split() == [slot, release]
