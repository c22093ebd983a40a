"""What an operator sees of a rollout in a terminal, and what Ctrl-C does.

The tests run in their order, on hosts that serve visitors meanwhile.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from conftest import environment, set_source
from events import ROOT, Load, Shop
from terminal import Terminal

HOSTS = ("web1", "web2", "web3", "web4")
LAB = os.environ.get("FLEET_LAB", "")
RELEASE = "ansible-playbook playbooks/release.yml"
RECORDS = ROOT / ".cache" / "rollouts"


def podman(*arguments: str) -> None:
    """Run podman as the test hosts were made with it."""
    script = f'. {ROOT}/molecule/shared/env.sh && exec podman "$@"'
    subprocess.run(["bash", "-c", script, "podman", *arguments], check=True, capture_output=True)


def container(host: str) -> str:
    return "-".join(filter(None, (LAB, "screen", host)))


def releases(shop: Shop) -> list[str]:
    """The release that is live on each host."""
    return [shop.live(host).split()[1] for host in HOSTS]


def new_release(shop: Shop) -> None:
    set_source(shop, str(shop.new_version()["path"]))


def last_record() -> dict[str, Any]:
    """The record of the last rollout."""
    newest = max(RECORDS.glob("*.json"), key=lambda path: path.stat().st_mtime)
    record: dict[str, Any] = json.loads(newest.read_text("utf-8"))
    return record


def is_locked(shop: Shop, host: str) -> bool:
    return shop.shell("test -e /var/lib/shop/rollout.lock && echo locked", host, check=False) != ""


def test_good_rollout_is_seen_and_stays(shop: Shop, terminal: Terminal) -> None:
    before = releases(shop)
    new_release(shop)
    terminal.run(RELEASE)
    terminal.wait_for(r"web1 +building")
    # While the canary soaks: what it has served, and how long it is still watched.
    terminal.wait_for(r"wave 1: 0 of \d+ requests failed .*p99 \d+ ms; soaks 0:0\d more")
    soaking = terminal.keep("soaking")
    assert re.search(r"▶ release  shop \S+ -> \S+", soaking)
    assert re.search(r"web1 +soaking", soaking)
    assert re.search(r"web4 +built", soaking)
    assert "rollout 2" in soaking
    assert terminal.end() == 0
    left = terminal.keep("good")
    after = releases(shop)
    assert len({*before, *after}) == 2
    assert f"✓ release  shop {before[0]} -> {after[0]}" in left
    assert all(re.search(rf"{host} +live +█+ +{after[0]}", left) for host in HOSTS)
    # Nothing of the live region is left above: each host is named once by it.
    assert len(re.findall(r"(?m)^  web4  ", terminal.everything())) == 1


def test_bad_release_shows_its_whole_error(shop: Shop, terminal: Terminal) -> None:
    before = releases(shop)
    bad = shop.folder / "bad"
    shutil.copytree(ROOT / "molecule/shared/apps/bad/never_healthy", bad)
    set_source(shop, str(bad))
    terminal.run(RELEASE)
    # As long as the one before.
    terminal.wait_for(r"0:\d\d of about \d:\d\d")
    terminal.wait_for(r"(?s)web1: refused: .*search index is empty.*web1 +refused")
    terminal.keep("refused")
    assert terminal.end() == 2
    left = terminal.keep("bad")
    assert re.search(r"✗ release  shop \S+ -> \S+", left)
    assert re.search(r"web1 +refused", left)
    assert "wave 1 of 3" in left
    assert "next: fix the cause, and type the same command again" in left
    told = terminal.everything()
    reason = last_record()["hosts"]["web1"]["notes"] + [last_record()["reason"]]
    lines = [line.strip() for text in reason for line in text.splitlines() if line.strip()]
    assert any("not healthy: the search index is empty" in line for line in lines)
    assert [line for line in lines if line not in told] == []
    assert releases(shop) == before


def test_lost_host_is_named(shop: Shop, terminal: Terminal) -> None:
    before = releases(shop)
    new_release(shop)
    terminal.run(RELEASE)
    terminal.wait_for(r"web1 +soaking")
    podman("kill", container("web2"))
    try:
        assert terminal.end(180) == 2
        left = terminal.keep("lost")
        assert re.search(r"web2 +unreachable", left)
        assert re.search(r"web1 +reverted", left)
        assert re.search(r"next: .*--limit 'all,!web2'", left)
    finally:
        podman("start", container("web2"))
    assert shop.live("web1").split()[1] == before[0]


def test_first_interrupt_ends_the_rollout_in_order(
    shop: Shop, terminal: Terminal, load: Load
) -> None:
    wait_until_up(shop, "web2")
    set_source(shop, str(shop.new_version()["path"]))
    before = releases(shop)
    began = time.time()
    terminal.run(f"{RELEASE} -e fleet_take_over_lock=true")
    terminal.wait_for(r"web2 +(starting|soaking)", 90)
    terminal.key("C-c")
    terminal.wait_for(r"what was switched is put back \(fleet_on_failure\)", 5)
    terminal.keep("interrupted-once")
    assert terminal.end() == 2
    left = terminal.keep("ended-in-order")
    assert re.search(r"web1 +reverted", left)
    assert releases(shop) == before
    assert not any(is_locked(shop, host) for host in HOSTS)
    assert load.failures(began) == []


def test_second_interrupt_says_what_state_the_fleet_is_in(shop: Shop, terminal: Terminal) -> None:
    new_release(shop)
    terminal.run(RELEASE)
    terminal.wait_for(r"web2 +(starting|soaking)", 90)
    terminal.key("C-c")
    time.sleep(0.5)
    terminal.key("C-c")
    assert terminal.end(20) == 99
    left = terminal.keep("interrupted-twice")
    assert re.search(r"live on \S+: web1", left)
    assert re.search(r"not begun, on \S+: web3, web4", left)
    assert re.search(r"The rollout 2\S+ still holds the lock on web1, web2, web3, web4", left)
    assert "playbooks/status.yml" in left
    assert "the same command again, with -e fleet_take_over_lock=true" in left
    assert all(is_locked(shop, host) for host in HOSTS)
    assert terminal.has_cursor()
    terminal.run("stty -a")
    terminal.end(5)
    assert re.search(r"[^-]echo\b", terminal.screen())
    # What it said to type.
    terminal.run(f"{RELEASE} -e fleet_take_over_lock=true")
    assert terminal.end() == 0
    assert len(set(releases(shop))) == 1


def test_interrupt_outside_of_a_rollout_ends_at_once(terminal: Terminal) -> None:
    terminal.run("ansible-playbook playbooks/status.yml")
    terminal.wait_for(r"status  0:0[1-9]", 20)
    terminal.key("C-c")
    assert terminal.end(10) == 99
    assert terminal.has_cursor()
    assert "lock" not in terminal.screen()


def test_narrow_terminal_has_no_wrapped_line(shop: Shop) -> None:
    with Terminal(shop.folder / "narrow", environment(shop), 60, 30) as narrow:
        narrow.run("ansible-playbook playbooks/restart.yml")
        screen = narrow.wait_for(r"web2 +(starting|soaking)", 90)
        picture = screen[screen.index("▶ restart") :].splitlines()
        # Title, wave, waves, the soak or not, the hosts, and the present task.
        assert len([line for line in picture if line]) in (8, 9)
        assert narrow.end() == 0


def test_lines_without_a_terminal(shop: Shop) -> None:
    ended = subprocess.run(
        ["ansible-playbook", "playbooks/restart.yml"],
        cwd=ROOT,
        env=environment(shop),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
    (Path(shop.folder) / "lines.txt").write_text(ended.stdout)
    if folder := os.environ.get("SCREEN_CAPTURES"):
        (Path(folder) / "lines.txt").write_text(ended.stdout)
    assert re.search(r"(?m)^\[0:\d\d\] locked: web1, web2, web3, web4$", ended.stdout)
    assert re.search(r"(?m)^\[\d:\d\d\] cut over: web3, web4$", ended.stdout)
    assert re.search(r"(?m)^web4 +: ok=\d+ +changed=\d+ +unreachable=0", ended.stdout)
    assert "\x1b[" not in ended.stdout


def wait_until_up(shop: Shop, host: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if shop.shell("systemctl is-active nginx.service", host, check=False) == "active":
            return
        time.sleep(1)
    raise AssertionError(f"{host} is not up again")
