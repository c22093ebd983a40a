"""A healthy fleet keeps its promises, and a broken promise fails the exercise that tries it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from events import ROOT, Shop

EXERCISES = (
    *("kill_worker", "kill_master", "reload_nginx", "full_disk", "bad_start", "bad_health"),
    *("bad_canary", "host_lost", "good_release", "rollback", "restart"),
)
#: A reload of nginx that is none.
NO_RELOAD = """
    mkdir -p /etc/systemd/system/nginx.service.d
    printf '[Service]\\nExecReload=\\nExecReload=/bin/kill -KILL $MAINPID\\n' \
        > /etc/systemd/system/nginx.service.d/no-reload.conf
    systemctl daemon-reload
    """
RELOAD = """
    rm /etc/systemd/system/nginx.service.d/no-reload.conf
    systemctl daemon-reload
    systemctl start nginx
    """
#: A host on which nothing of a drill is left prints nothing.
TRACES = """
    systemctl list-units --all --plain --no-legend 'asgi-fleet-*drill*'
    ls /var/lib/shop/drill.json /run/asgi-fleet-drill/* 2>/dev/null
    cat /var/lib/shop/rollout.lock 2>/dev/null
    """


def card(output: str) -> str:
    """Return the scorecard in a run's output."""
    return output[output.rindex("\nEXERCISE ") :].strip() if "\nEXERCISE " in output else output


def document(reports: Path) -> dict[str, Any]:
    """Return the last scorecard that was written."""
    path = max(reports.glob("*-drill-*.json"), key=lambda one: one.stat().st_mtime)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def rows(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["exercise"]: row for row in found["exercises"]}


def state(shop: Shop) -> list[str]:
    """Return what of both hosts must be as it was: the live release, and all that are kept."""
    told = []
    for host in ("drill1", "drill2"):
        told += [shop.live(host).split()[1], shop.shell("ls /opt/shop/releases", host)]
        told.append(shop.shell(TRACES, host, check=False))
    return told


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({}, "drill is not set; expected shop, the app_name of these hosts"),
        ({"drill": "production"}, "drill is production; expected shop"),
        ({"drill": "shop", "drill_only": "meteor"}, "drill_only is meteor; expected some of"),
        (
            {"drill": "shop", "fleet_drill_allowed": True},
            "fleet_drill_allowed is set on the command line; expected it in the inventory",
        ),
    ],
)
def test_a_drill_that_is_not_meant_is_refused(
    shop: Shop, extra: dict[str, object], told: str
) -> None:
    result = shop.play("drill", **extra)
    assert result.returncode != 0
    assert told in result.stdout
    # No host was asked.
    assert "See what is live" not in result.stdout


def test_a_production_inventory_refuses(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    text = (Path(__file__).parent / "inventory" / "hosts.yml").read_text()
    (inventory / "hosts.yml").write_text(re.sub(".*fleet_drill_allowed.*\n", "", text))
    production = Shop.connected(tmp_path, inventory, "drill1")
    result = production.play("drill", drill="shop")
    assert result.returncode != 0
    assert "fleet_drill_allowed is false; expected true" in result.stdout


def test_a_healthy_fleet_keeps_every_promise(shop: Shop, reports: Path) -> None:
    before = state(shop)
    began = time.monotonic()
    result = shop.play("drill", drill="shop")
    print(f"all exercises: {time.monotonic() - began:.0f} s\n{card(result.stdout)}")
    assert result.returncode == 0, result.stdout[-8000:]
    found = document(reports)
    assert found["passed"]
    assert found["left"] == []
    done = rows(found)
    assert tuple(done) == EXERCISES
    assert {row["result"] for row in done.values()} == {"passed"}
    for name, row in done.items():
        logged = row["logged"].values()
        assert row["load"]["requests"] > 50, name
        # The load and nginx have seen the same.
        good = sum(one["requests"] - one["failed"] for one in logged)
        unsure = row["load"]["unanswered"] + row["load"]["retried"]
        assert 0 <= good - (row["load"]["requests"] - row["load"]["failed"]) <= unsure, name
    assert state(shop) == before


def test_a_promise_that_is_not_kept_fails(shop: Shop, reports: Path) -> None:
    shop.shell(NO_RELOAD, "drill2")
    try:
        result = shop.play("drill", drill="shop", drill_only="reload_nginx", drill_rate=40)
    finally:
        shop.shell(RELOAD, "drill2")
    print(card(result.stdout))
    assert result.returncode != 0
    assert "the drill failed (failed: reload_nginx" in result.stdout
    row = rows(document(reports))["reload_nginx"]
    assert row["result"] == "FAILED"
    assert row["load"]["failed_by_server"]["drill2"] > 0
    assert "drill1" not in row["load"]["failed_by_server"]


def test_one_host_is_not_lost(shop: Shop, reports: Path) -> None:
    result = shop.play("drill", drill="shop", drill_only="host_lost", limit="drill1")
    assert result.returncode == 0, result.stdout[-4000:]
    row = rows(document(reports))["host_lost"]
    assert row["result"] == "skipped"
    assert row["seen"][0].startswith("the fleet has 1 host; expected 2 or more")


@contextlib.contextmanager
def started(shop: Shop, **extra: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        shop.command("drill", **extra),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_an_interrupted_drill_is_put_right_by_the_next(shop: Shop) -> None:
    before = state(shop)
    live = shop.live("drill1").split()[1]
    with started(shop, drill="shop", drill_only="good_release") as process:
        switched = (
            f'[ "$(basename $(readlink /opt/shop/slots/$(basename $(readlink {LINK}) .sock)))"'
        )
        shop.shell(
            f"timeout 110 sh -c 'until {switched} != {live} ]; do sleep 0.2; done'", "drill1"
        )
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=120)[0]
    assert process.returncode != 0
    assert "drill_only=mend" in output
    # The rollout below it ends in an orderly way, by itself.
    shop.shell("timeout 110 sh -c 'while [ -s /var/lib/shop/rollout.lock ]; do sleep 0.5; done'")
    result = shop.play("drill", drill="shop", drill_only="mend")
    print(card(result.stdout))
    assert result.returncode == 0, result.stdout[-6000:]
    assert state(shop) == before


LINK = "/var/lib/shop/live.sock"
