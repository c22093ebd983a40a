"""The fleet's table: what a person reads in each state that a host can be in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.status import (
    document,
    fleet_states,
    releases_table,
    table,
)

LIVE = {
    "slot": "blue",
    "release": "1.4.2-9f86d081",
    "since": 1790000000,
    "active": True,
    "enabled": True,
}
DAY = 86400
CERTIFICATE: dict[str, Any] = {
    "names": ["shop.example.com"],
    "begins": 1790100000 - 36 * DAY,
    "ends": 1790100000 + 64 * DAY,
    "renewal": None,
}
STATE: dict[str, Any] = {
    "application": "shop",
    "live": LIVE,
    "cpu_percent": 12.4,
    "maintenance_since": None,
    "lock": None,
    "workers_planned": 2,
    "workers": [
        {"pid": 812, "memory_mb": 47, "healthy": True, "problem": ""},
        {"pid": 813, "memory_mb": 47, "healthy": True, "problem": ""},
    ],
    "memory_mb": 171,
    "health": 200,
    "nginx": {"active": True, "starting": False, "enabled": True},
    "https": {"status": 200, "error": "", "certificate_current": True, "refused": ""},
    "at": 1790100000,
    "certificate": CERTIFICATE,
    "releases": [],
}
SERVICE = {"kind": "service", "text": "service changed"}
ENVIRONMENT = {"kind": "environment", "text": "environment changed"}
RELEASE_CHANGED = {"kind": "release", "text": "release 1.0 -> 1.1"}


def until(seconds: int) -> dict[str, Any]:
    """A certificate that ends so much later than the state was collected."""
    return CERTIFICATE | {"ends": 1790100000 + seconds}


HOSTVARS: dict[str, dict[str, Any]] = {
    "live": {"fleet_look": {"changed": False, "state": STATE}},
    "bare": {
        "fleet_look": {"state": STATE | {"live": None}},
        # Left by an earlier play of the run.
        "gunicorn_service_result": {"reasons": [SERVICE]},
    },
    "compared": {
        "fleet_look": {"state": STATE},
        "gunicorn_service_result": {"reasons": [SERVICE, RELEASE_CHANGED]},
    },
    "same": {"fleet_look": {"state": STATE}, "gunicorn_service_result": {"reasons": []}},
    "skipped": {"fleet_look": {"state": STATE}, "gunicorn_service_result": {"skipped": True}},
    "silent": {"fleet_look": {"unreachable": True, "msg": "timed out\n"}},
    "failed": {"fleet_look": {"failed": True, "msg": "no sudo"}},
    "mute": {"fleet_look": {"failed": True}},
    "never": {},
    # As the two tasks leave it, of which one is skipped.
    "balancer": {"fleet_look": {"skipped": True}, "balancer_look": {"state": {"at": 1}}},
}


@pytest.mark.parametrize(
    ("host", "state"),
    [
        ("live", STATE),
        ("bare", STATE | {"live": None}),
        ("compared", STATE | {"drift": [SERVICE, RELEASE_CHANGED]}),
        ("same", STATE | {"drift": []}),
        ("skipped", STATE),
        ("silent", {"error": "timed out", "unreachable": True}),
        ("failed", {"error": "no sudo", "unreachable": False}),
        ("mute", {"error": "no answer", "unreachable": False}),
        ("never", {"error": "it was not asked", "unreachable": True}),
        ("balancer", {"at": 1}),
    ],
)
def test_fleet_states_say_what_each_host_told(host: str, state: dict[str, Any]) -> None:
    assert fleet_states(HOSTVARS, [host]) == {host: state}


def test_fleet_states_are_of_the_hosts_asked_for_and_leave_the_variables_alone() -> None:
    assert list(fleet_states(HOSTVARS, ["never", "compared"])) == ["never", "compared"]
    assert "drift" not in HOSTVARS["compared"]["fleet_look"]["state"]


def test_fleet_states_fit_the_table() -> None:
    hosts = [host for host in HOSTVARS if host != "balancer"]
    lines = table(fleet_states(HOSTVARS, hosts))
    assert [line.split()[:2] for line in lines[1 : len(hosts) + 1]] == [
        ["live", "1.4.2-9f86d081"],
        ["bare", "none"],
        ["compared", "1.4.2-9f86d081"],
        ["same", "1.4.2-9f86d081"],
        ["skipped", "1.4.2-9f86d081"],
        ["silent", "unreachable"],
        ["failed", "FAILED"],
        ["mute", "FAILED"],
        ["never", "unreachable"],
    ]
    assert lines[len(hosts) + 1 :] == [
        "silent: timed out",
        "failed: no sudo",
        "mute: no answer",
        "never: it was not asked",
    ]


def row(state: dict[str, Any] | None) -> dict[str, str]:
    """Return the host's cells by column, cut where the header's columns begin."""
    header, line, *_ = table({"web1": state})
    names = [name for name in header.split("  ") if name]
    starts = [header.index(name.strip()) for name in names]
    ends = [*starts[1:], None]
    return {
        name.strip(): line[start:end].strip()
        for name, start, end in zip(names, starts, ends, strict=True)
    }


def test_table_shows_a_healthy_host() -> None:
    assert row(STATE) == {
        "HOST": "web1",
        "RELEASE": "1.4.2-9f86d081",
        "SLOT": "blue",
        "SINCE (UTC)": "2026-09-21 14:13",
        "WORKERS": "2 of 2",
        "MEMORY": "171 MB",
        "CPU": "12 %",
        "HEALTH": "200 OK",
        "CERTIFICATE": "64 days",
        "WORKER PIDS": "812 813",
    }


@pytest.mark.parametrize(
    ("changed", "column", "cell"),
    [
        ({"live": LIVE | {"enabled": False}}, "SLOT", "blue (not enabled!)"),
        ({"live": LIVE | {"active": False}, "health": 0}, "HEALTH", "NOT RUNNING"),
        ({"health": 0}, "HEALTH", "NO ANSWER"),
        ({"health": 503}, "HEALTH", "503 (application)"),
        ({"maintenance_since": 1790000000}, "HEALTH", "503 maintenance"),
        ({"nginx": STATE["nginx"] | {"active": False}}, "HEALTH", "nginx is down"),
        ({"https": STATE["https"] | {"status": 0}}, "HEALTH", "no answer (nginx)"),
        ({"https": STATE["https"] | {"status": 421}}, "HEALTH", "421 (nginx)"),
        ({"https": STATE["https"] | {"refused": "expired"}}, "HEALTH", "certificate refused"),
        ({"https": None}, "HEALTH", "200 OK"),
        ({"cpu_percent": None}, "CPU", "-"),
        ({"drift": []}, "DRIFT", "none"),
        ({"drift": [SERVICE, RELEASE_CHANGED, ENVIRONMENT]}, "DRIFT", "service, environment"),
        ({"drift": [RELEASE_CHANGED]}, "DRIFT", "none"),
        ({"error": "no sudo", "unreachable": False}, "RELEASE", "FAILED"),
        ({"error": "timed out", "unreachable": True}, "RELEASE", "unreachable"),
        ({"workers": []}, "WORKERS", "0 of 2"),
        ({"workers": []}, "WORKER PIDS", "-"),
        ({"workers": [{"pid": 1, "healthy": False, "problem": ""}]}, "WORKERS", "0 of 2"),
        ({"certificate": None}, "CERTIFICATE", "none"),
        ({"certificate": until(40 * 3600)}, "CERTIFICATE", "40 hours"),
        ({"certificate": until(119 * 60)}, "CERTIFICATE", "119 minutes"),
        ({"certificate": until(1)}, "CERTIFICATE", "1 second"),
        ({"certificate": until(-3 * DAY)}, "CERTIFICATE", "EXPIRED 3 days ago"),
    ],
)
def test_table_shows_what_is_wrong(changed: dict[str, Any], column: str, cell: str) -> None:
    assert row(STATE | changed)[column] == cell


def test_table_shows_a_host_before_its_first_release() -> None:
    cells = row(STATE | {"live": None})
    assert (cells.pop("HOST"), cells.pop("RELEASE")) == ("web1", "none yet")
    assert cells.pop("CERTIFICATE") == "64 days"
    assert set(cells.values()) == {"-"}


def test_table_shows_a_host_that_did_not_answer() -> None:
    cells = row(None)
    assert (cells.pop("HOST"), cells.pop("RELEASE")) == ("web1", "unreachable")
    assert set(cells.values()) == {"-"}


def test_table_tells_below_why_a_host_could_not_be_asked_and_who_rolls_out() -> None:
    lock = {"rollout": "r1", "who": "ada@laptop", "since": 1790000000}
    states = {"web1": STATE | {"lock": lock, "drift": []}, "web2": {"error": "timed out"}}
    lines = table(states)
    assert lines[2].endswith(" -")
    assert lines[3:] == [
        "web1: shop is locked by ada@laptop since 2026-09-21 14:13 UTC (rollout r1)",
        "web2: timed out",
    ]


def test_table_tells_below_why_visitors_are_not_served() -> None:
    down = STATE | {"nginx": STATE["nginx"] | {"active": False}}
    assert table({"web1": down})[2:] == [
        "web1: nginx is not running; to do: systemctl status nginx; nginx -t; then systemctl start "
        "nginx"
    ]
    # The first hop that fails is told, not those behind it.
    assert len(table({"web1": down | {"health": 500}})) == 2


@pytest.mark.parametrize(
    ("server", "cell", "remarks"),
    [
        ({"serves": True, "drained": False, "check": "L7OK/200"}, "200 OK", 0),
        ({"serves": False, "drained": True, "check": "L7OK/200"}, "200 OK, drained at lb1", 0),
        ({"serves": False, "drained": False, "check": "L4CON"}, "down at lb1", 1),
    ],
)
def test_table_shows_how_a_balancer_sees_a_host(
    server: dict[str, Any], cell: str, remarks: int
) -> None:
    lines = table({"web1": STATE}, {"lb1": {"servers": {"shop/web1": server}}})
    assert f"  {cell}  " in lines[1]
    assert len(lines) == 2 + remarks


def test_table_tells_of_a_balancer_that_is_down() -> None:
    units = {"haproxy.service": {"active": False, "starting": False, "enabled": True}}
    lines = table({"web1": STATE}, {"lb1": {"units": units}})
    assert "  not served (balancer)  " in lines[1]
    assert lines[2:] == [
        "lb1: haproxy.service is not running; to do: journalctl -u haproxy.service; "
        "systemctl start haproxy.service"
    ]


UPKEEP: dict[str, Any] = {
    "at": 1790000000,
    "outdated": {"haproxy.service": ["libssl.so.3"]},
}


def test_table_tells_below_what_hosts_and_balancers_need() -> None:
    lines = table({"web1": STATE}, {"lb1": UPKEEP, "lb2": {"error": "timed out"}})
    assert [line.partition("; to do: ")[0] for line in lines[2:]] == [
        "lb1: haproxy.service still runs on replaced files: libssl.so.3",
        "lb2: timed out",
    ]


def test_document_has_the_balancers_and_says_whether_they_answered() -> None:
    found = json.loads(document({"web1": STATE}, {"lb1": UPKEEP}))
    assert (found["complete"], found["balancers"]) == (True, {"lb1": UPKEEP})
    assert json.loads(document({"web1": STATE}, {"lb1": None}))["complete"] is False


def test_document_is_one_line_of_json_and_says_whether_all_answered() -> None:
    text = document({"web1": STATE})
    assert "\n" not in text
    assert json.loads(text) == {"complete": True, "hosts": {"web1": STATE}, "balancers": {}}


@pytest.mark.parametrize("state", [None, {"error": "timed out"}])
def test_document_of_a_host_that_did_not_answer_is_not_complete(
    state: dict[str, Any] | None,
) -> None:
    found = json.loads(document({"web1": STATE, "web2": state}))
    assert found["complete"] is False
    assert found["hosts"]["web2"]["error"]


def test_table_aligns_its_columns_in_the_order_given() -> None:
    lines = table({"z": STATE, "a-longer-name": None})
    assert [line.split()[0] for line in lines] == ["HOST", "z", "a-longer-name"]
    assert {
        line.index(cell) for line, cell in zip(lines, ("RELEASE", "1.4", "unr"), strict=True)
    } == {15}
    assert all(line == line.rstrip() for line in lines)


RELEASE: dict[str, Any] = {
    "id": "v2-9f86d081",
    "state": "live",
    "built_at": 1790000000,
    "built_by": "ada",
    "commit": "0123456789abcdef",
    "source": {"type": "git", "url": "https://git.example.com/shop.git"},
    "pinned": False,
    "hashes": "enforced",
}


@pytest.mark.parametrize(
    ("changed", "cells"),
    [
        (
            {},
            "live  2026-09-21 14:13  ada  enforced  https://git.example.com/shop.git 0123456789ab",
        ),
        (
            {"pinned": True, "commit": "", "source": {"type": "path", "path": "/srv/shop"}},
            "live, pinned  2026-09-21 14:13  ada  enforced  /srv/shop",
        ),
        (
            {"built_by": "", "commit": "", "source": {"type": "package", "name": "shop"}},
            "live  2026-09-21 14:13  -  enforced  shop",
        ),
        ({"commit": "", "source": {}}, "live  2026-09-21 14:13  ada  enforced  -"),
    ],
    ids=["git", "pinned", "package", "unknown source"],
)
def test_releases_table_tells_where_each_comes_from(changed: dict[str, Any], cells: str) -> None:
    header, line = releases_table([RELEASE | changed])
    assert header.split("  ")[0] == "RELEASE"
    assert re.sub(r" {2,}", "  ", line) == f"v2-9f86d081  {cells}"


def test_releases_table_of_none_is_its_header() -> None:
    assert releases_table([]) == ["RELEASE  STATE  BUILT (UTC)  BY  HASHES  SOURCE"]
