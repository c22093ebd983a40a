"""Recycling on the host itself, under load: by age, by memory, beside a release, and refused."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable

import pytest
from events import ROOT, Load, Shop

#: An application that leaks when it is asked to, and does not start while a file is there.
LEAKING = """
import os
if os.path.exists("/var/lib/shop/state/broken"):
    raise RuntimeError("no connection to db.example.com")
_kept = []
_serve = app
async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/leak":
        _kept.append(bytearray(os.urandom(1 << 20) * 8))
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        return await send({"type": "http.response.body", "body": b""})
    await _serve(scope, receive, send)
"""
PATIENCE = 90


def recycles(shop: Shop) -> int:
    """How often the host has recycled so far."""
    return int(shop.shell("grep -c recycled /var/lib/shop/activations.jsonl", check=False) or 0)


def setting(shop: Shop, name: str, value: int) -> None:
    """Change what the timer reads on the host, below what a user may set."""
    shop.shell(f'sed -i \'s/"{name}": [0-9]*/"{name}": {value}/\' /etc/shop/recycle.json')


def until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(1)


@pytest.fixture(scope="module", autouse=True)
def recycling(shop: Shop) -> None:
    """The host recycles, by what a user may set at least."""
    shop.variables["app_recycle"] = {"after": "12h", "memory": "95%"}
    shop.variables["app_source"] = shop.new_version(LEAKING)
    shop.succeed("deploy")
    assert shop.shell("systemctl is-active shop-recycle.timer") == "active"
    assert "changed=0" in shop.succeed("deploy")


def test_recycles_by_age_lose_nothing_and_a_release_goes_first(shop: Shop, load: Load) -> None:
    before, first = recycles(shop), shop.live()
    load.start()
    setting(shop, "after_seconds", 12)
    until(lambda: recycles(shop) >= before + 2, "two recycles by age")
    assert shop.live().split()[1] == first.split()[1]
    # In the middle of one: its slot has just begun to start.
    idle = "green" if shop.live().startswith("blue") else "blue"
    until(
        lambda: shop.shell(f"systemctl is-active shop@{idle}.service", check=False) == "active",
        "a recycle under way",
    )
    shop.variables["app_source"] = shop.new_version(LEAKING)
    shop.succeed("release")
    # The release has kept the settings of the controller.
    assert shop.live().split()[1] != first.split()[1]
    assert recycles(shop) >= before + 2
    setting(shop, "after_seconds", 12)
    again = recycles(shop)
    until(lambda: recycles(shop) > again, "a recycle of the new release")
    setting(shop, "after_seconds", 43200)
    lap = load.end()
    print(json.dumps({"by": "age", "recycles": recycles(shop) - before, "releases": 1, **lap}))
    assert lap["failed"] == 0, lap


def test_recycles_by_memory_lose_nothing(shop: Shop, load: Load) -> None:
    before = recycles(shop)
    load.start()
    setting(shop, "memory_percent", 40)
    for _ in range(2):
        count = recycles(shop)
        deadline = time.monotonic() + PATIENCE
        while recycles(shop) == count:
            assert time.monotonic() < deadline, "a recycle by memory"
            shop.shell(
                "for _ in 1 2 3 4; do curl --silent --output /dev/null"
                " --unix-socket /var/lib/shop/live.sock http://shop.example.com/leak; done"
            )
    lap = load.end()
    told = json.loads(shop.shell("cat /var/lib/shop/recycle.json"))
    setting(shop, "memory_percent", 95)
    print(json.dumps({"by": "memory", "recycles": recycles(shop) - before, **lap}))
    assert "% of its" in told["why"], told
    assert lap["failed"] == 0, lap


def test_failed_recycle_leaves_what_is_live_and_verify_names_it(shop: Shop, load: Load) -> None:
    live = shop.live()
    load.start()
    shop.shell("touch /var/lib/shop/state/broken")
    setting(shop, "after_seconds", 1)
    until(
        lambda: '"failures": 1' in shop.shell("cat /var/lib/shop/recycle.json"),
        "a recycle that fails",
    )
    setting(shop, "after_seconds", 43200)
    assert shop.live() == live
    verified = shop.play("verify").stdout
    shop.shell("rm /var/lib/shop/state/broken")
    lap = load.end()
    assert lap["failed"] == 0, lap
    assert "no connection to db.example.com" in shop.shell("cat /var/lib/shop/recycle.json")
    assert "1 recycle in a row failed" in verified, verified[-3000:]
    assert "1 recycle in a row failed" in shop.succeed("status")


def test_rollback_after_a_recycle_still_works(shop: Shop) -> None:
    live = shop.live().split()[1]
    lines = shop.shell("cat /var/lib/shop/activations.jsonl").splitlines()
    done = [json.loads(line) for line in lines]
    previous = [one["release"] for one in done if one["event"] == "live"]
    wanted = next(release for release in reversed(previous) if release != live)
    shop.succeed("rollback")
    assert shop.live().split()[1] == wanted


def test_recycling_is_switched_off_with_its_files(shop: Shop) -> None:
    shop.variables["app_recycle"] = {}
    shop.succeed("release")
    left = shop.shell(
        "ls /etc/shop /opt/shop /etc/systemd/system /etc/shop/blue /etc/shop/green"
        " | grep -e recycle -e counterpart; systemctl list-timers --all | grep shop-recycle",
        check=False,
    )
    assert left == ""


def test_history_takes_no_recycle_for_a_release(shop: Shop) -> None:
    command = [*shop.command("history"), "--extra-vars=history_json=true"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "recycle" not in result.stdout
