"""What is told of a host's needs: each alone, and nothing of a host that needs nothing."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import (
    FAULT,
    NOTE,
    WARNING,
    needs,
    remarks,
    wrong_units,
)

NOW = 1790100000
DAY = 24 * 3600
PATCH = "run ansible-playbook playbooks/patch.yml --limit web1"
UPDATES: dict[str, Any] = {
    "waiting": [],
    "lists_at": NOW - DAY,
    "reboot_required": False,
    "reboot_packages": [],
    "error": "",
}
STATE: dict[str, Any] = {"at": NOW, "updates": UPDATES, "memory_kills": {}, "outdated": {}}
NGINX = {"package": "nginx", "installed": "1.22.1-9", "version": "1.22.1-10", "held": False}
OPENSSL = {"package": "libssl3", "installed": "3.0.1", "version": "3.0.2", "held": False}
CASES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "updates": (
        {"updates": UPDATES | {"waiting": [NGINX, OPENSSL]}},
        WARNING,
        "security updates wait: nginx 1.22.1-9 -> 1.22.1-10, libssl3 3.0.1 -> 3.0.2",
        PATCH,
    ),
    "held": (
        {"updates": UPDATES | {"waiting": [NGINX | {"held": True}]}},
        WARNING,
        "security updates of held packages wait: nginx 1.22.1-9 -> 1.22.1-10",
        f"apt-mark unhold nginx on the host, then {PATCH}",
    ),
    "reboot": (
        {"updates": UPDATES | {"reboot_required": True}},
        WARNING,
        "asks for a reboot",
        PATCH,
    ),
    "reboot for": (
        {"updates": UPDATES | {"reboot_required": True, "reboot_packages": ["linux-base", "x"]}},
        WARNING,
        "asks for a reboot, for linux-base, x",
        PATCH,
    ),
    "old lists": (
        {"updates": UPDATES | {"lists_at": NOW - 3 * DAY}},
        WARNING,
        "its package lists are 3 days old, so newer security updates are not known",
        "systemctl status apt-daily.timer",
    ),
    "no lists": (
        {"updates": UPDATES | {"lists_at": 0}},
        WARNING,
        "its package lists are not there, so newer security updates are not known",
        "apt-get update",
    ),
    "error": (
        {"updates": UPDATES | {"error": "timed out"}},
        WARNING,
        "its packages could not be examined: timed out",
        "apt-cache policy",
    ),
    "outdated": (
        {"outdated": {"nginx.service": ["libcrypto.so.3", "libssl.so.3"]}},
        WARNING,
        "nginx.service still runs on replaced files: libcrypto.so.3, libssl.so.3",
        PATCH,
    ),
    "refused": (
        {"refused": [{"seen": "a write was refused", "todo": "add app_writable_paths: [x]"}]},
        WARNING,
        "its sandbox: a write was refused",
        "add app_writable_paths: [x], and release again",
    ),
    "killed": (
        {"memory_kills": {"shop@blue.service": {"total": 3, "recent": 2}}},
        FAULT,
        "the kernel killed 2 processes of shop@blue.service for lack of memory in the last day",
        "raise app_worker_memory_mb or lower app_workers",
    ),
    "killed once": (
        {"memory_kills": {"nginx.service": {"total": 1, "recent": 1}}},
        FAULT,
        "the kernel killed 1 process of nginx.service for lack of memory in the last day",
        "give the host more memory",
    ),
    "killed long ago": (
        {"memory_kills": {"shop@blue.service": {"total": 3, "recent": 0}}},
        NOTE,
        "the kernel killed 3 processes of shop@blue.service for lack of memory more than a day ago",
        "raise app_worker_memory_mb",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_need_is_told_with_what_to_do(case: str) -> None:
    changed, severity, seen, todo = CASES[case]
    [need] = needs("web1", STATE | changed)
    assert (need.severity, need.seen) == (severity, seen)
    assert todo in need.todo
    assert remarks("web1", STATE | changed) == [f"web1: {seen}; to do: {need.todo}"]


@pytest.mark.parametrize("state", [STATE, {"error": "timed out"}, {"at": NOW, "live": None}])
def test_host_that_needs_nothing_or_was_not_asked_is_not_told_of(state: dict[str, Any]) -> None:
    assert remarks("web1", state) == []


def test_reboot_of_a_balancer_is_asked_for_in_so_many_words() -> None:
    state = STATE | {"updates": UPDATES | {"reboot_required": True}}
    [line] = remarks("lb1", state, balancer=True)
    assert "playbooks/patch.yml --limit lb1 -e patch_reboot_balancers=true" in line


def test_unit_that_is_down_is_told_of() -> None:
    units = {
        "haproxy.service": {"active": False, "enabled": False},
        "other.service": {"active": True, "enabled": True},
    }
    assert [seen for seen, _ in wrong_units({"units": units})] == [
        "haproxy.service is not running",
        "haproxy.service is not enabled: it would not start at boot",
    ]


SILENT = {"exporter": "", "address": "", "unit": "shop-metrics.socket", "reason": "it does not run"}


@pytest.mark.parametrize(
    ("told", "seen", "todo"),
    [
        (
            {},
            "its metrics are not served: shop-metrics.socket: it does not run",
            "there: journalctl -u shop-metrics.socket -n 20; systemctl enable --now "
            "shop-metrics.socket; or run ansible-playbook deploy.yml",
        ),
        (
            {
                "exporter": "nginx",
                "address": "127.0.0.1:9113",
                "unit": "prometheus-nginx-exporter.service",
            },
            "the exporter nginx does not answer at 127.0.0.1:9113, nor /metrics/nginx: it does not "
            "run",
            "there: journalctl -u prometheus-nginx-exporter.service -n 20; systemctl enable --now "
            "prometheus-nginx-exporter.service",
        ),
        (
            {"exporter": "database", "address": "127.0.0.1:9187", "unit": "", "reason": "refused"},
            "the exporter database does not answer at 127.0.0.1:9187, nor /metrics/database: "
            "refused",
            "start it, or correct gunicorn_service_metrics_exporters",
        ),
    ],
)
def test_metrics_that_do_not_answer_are_a_warning(
    told: dict[str, str], seen: str, todo: str
) -> None:
    (need,) = needs("web1", {"application": "shop", "silent_metrics": [SILENT | told]})
    assert (need.severity, need.seen, need.todo) == ("warning", seen, todo)
    assert list(needs("web1", {"application": "shop", "silent_metrics": []})) == []


RECYCLE = {"at": 5, "why": "old", "failures": 0, "reason": "", "next": 0, "waiting": ""}


@pytest.mark.parametrize(
    ("told", "severity", "seen"),
    [
        (
            {"failures": 1, "reason": "shop@green.service crashed at start", "next": 1795241400},
            "warning",
            "1 recycle in a row failed, and the live slot runs on; tried again from "
            "2026-11-21 06:10 UTC on: shop@green.service crashed at start",
        ),
        (
            {"waiting": "a rollout is under way, by ada@laptop (rollout x)"},
            "note",
            "a recycle is due, and waits: a rollout is under way, by ada@laptop (rollout x)",
        ),
    ],
    ids=["failed", "waits"],
)
def test_recycle_that_fails_or_waits_is_told(
    told: dict[str, Any], severity: str, seen: str
) -> None:
    state = {"application": "shop", "recycle": RECYCLE | told}
    (need,) = needs("web1", state)
    assert (need.severity, need.seen) == (severity, seen)
    assert list(needs("web1", {"application": "shop", "recycle": RECYCLE})) == []
    assert list(needs("web1", {"application": "shop", "recycle": None})) == []
