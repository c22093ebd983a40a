"""What is said after maintenance mode was switched: what visitors get."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.maintenance import (
    maintenance_report,
)

STATE: dict[str, Any] = {
    "live": {"slot": "blue"},
    "nginx": {"active": True, "starting": False, "enabled": True},
    "https": {
        "status": 200,
        "error": "",
        "late": False,
        "certificate_current": True,
        "refused": "",
    },
}
CLOSED = STATE | {"https": STATE["https"] | {"status": 503}}
DOWN = STATE | {"nginx": STATE["nginx"] | {"active": False}}
OFF = {"changed": True, "state": "maintenance is off"}
ON = {"changed": True, "state": "maintenance is on since 2026-11-21 06:10 UTC"}
NGINX = "systemctl status nginx; nginx -t; then systemctl start nginx"


def test_off_says_that_visitors_are_served() -> None:
    told = maintenance_report({"web1": OFF}, {"web1": STATE}, enabled=False)
    assert told == {"lines": ["web1: maintenance is off: visitors get 200"], "failure": ""}


def test_off_with_nginx_down_says_that_nobody_is_served() -> None:
    told = maintenance_report(
        {"web1": OFF, "web2": OFF}, {"web1": DOWN, "web2": STATE}, enabled=False
    )
    assert told["lines"] == [
        "web1: maintenance is off, but visitors are not served: nginx is not running; to do: "
        + NGINX,
        "web2: maintenance is off: visitors get 200",
    ]
    assert told["failure"] == (
        "maintenance is off, and on web1 visitors get something else (see above)"
    )


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (STATE | {"https": STATE["https"] | {"status": 502}}, "nginx answers the health path with"),
        ({"live": None, "nginx": None, "https": None}, "there is no live release"),
        ({"error": "timed out"}, "the host cannot be asked: timed out"),
    ],
)
def test_off_says_why_nobody_is_served(state: dict[str, Any], seen: str) -> None:
    told = maintenance_report({"web1": OFF}, {"web1": state}, enabled=False)
    assert told["failure"]
    assert f"visitors are not served: {seen}" in told["lines"][0]


def test_on_says_that_visitors_get_the_page() -> None:
    told = maintenance_report({"web1": ON}, {"web1": CLOSED}, enabled=True)
    assert told == {"lines": [f"web1: {ON['state']}: visitors get 503"], "failure": ""}


def test_on_says_when_visitors_do_not_get_the_page() -> None:
    told = maintenance_report({"web1": ON}, {"web1": STATE}, enabled=True)
    assert "visitors do not get the page: nginx answers with 200; expected 503" in told["lines"][0]
    assert told["failure"]
    down = maintenance_report({"web1": ON}, {"web1": DOWN}, enabled=True)
    assert "visitors do not get the page: nginx is not running" in down["lines"][0]


def test_on_cannot_be_seen_from_a_host_that_is_served_itself() -> None:
    told = maintenance_report({"web1": ON}, {"web1": STATE}, enabled=True, allow=["127.0.0.0/8"])
    assert told["failure"] == ""
    others = maintenance_report({"web1": ON}, {"web1": STATE}, enabled=True, allow=["192.0.2.7"])
    assert others["failure"]


def test_check_mode_says_what_would_be_switched() -> None:
    told = maintenance_report(
        {"web1": OFF, "web2": OFF | {"changed": False}}, {}, enabled=False, check_mode=True
    )
    assert told["lines"] == [
        "web1: would change to: maintenance is off",
        "web2: already: maintenance is off",
    ]
    assert told["failure"] == ""
