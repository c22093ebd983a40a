"""What has moved since a plan was made, by name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.comparison import moved
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import HostFacts

from tests.unit.plugins.plugin_utils.plan.planned_fleet import (
    FINGERPRINT,
    NEW,
    OLD,
    host,
    plan,
    unchanged,
)

VARIABLES: dict[str, str] = FINGERPRINT["variables"]


def having(**variables: str) -> HostFacts:
    """Return a host with other variables, by their names with `__` for a dot."""
    given = {name.replace("__", "."): digest for name, digest in variables.items()}
    return host(fingerprint={"variables": {**VARIABLES, **given}})


def without(name: str) -> HostFacts:
    return host(fingerprint={"variables": {k: v for k, v in VARIABLES.items() if k != name}})


SAME = {"web1": host(), "web2": host()}
OTHER_COMMIT = {"commit": "c" * 40, "release_id": "main-cccccccc"}


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (SAME, []),
        (
            {"web1": host(), "web2": host(begun={"live": NEW})},
            [f"web2: live release is {NEW}; the plan saw {OLD}"],
        ),
        (
            {"web1": host(), "web2": host(begun={"live": ""})},
            [f"web2: live release is none; the plan saw {OLD}"],
        ),
        (
            {"web1": host()},
            ["hosts: web2 is missing (no longer in the inventory, or left out by --limit)"],
        ),
        ({**SAME, "web4": host()}, ["hosts: web4 is new"]),
        (
            {name: having(app_env__LOG_LEVEL="9" * 16) for name in SAME},
            ["app_env: LOG_LEVEL changed"],
        ),
        (
            {"web1": host(), "web2": having(app_secrets__API_TOKEN="9" * 16)},
            ["web2: app_secrets: API_TOKEN changed"],
        ),
        ({name: without("app_env.LOG_LEVEL") for name in SAME}, ["app_env: LOG_LEVEL is gone"]),
        ({name: having(app_env__MORE="3" * 16) for name in SAME}, ["app_env: MORE is new"]),
        ({name: having(app_workers="3" * 16) for name in SAME}, ["app_workers is new"]),
        (
            {name: host(packed=OTHER_COMMIT) for name in SAME},
            ["source: main is at cccccccccc now; the plan was for bbbbbbbbbb"],
        ),
        (
            {name: host(packed={"release_id": "1.4.1-dddddddd"}) for name in SAME},
            [f"source: it makes 1.4.1-dddddddd now; the plan was for {NEW}"],
        ),
        (
            {"web2": host(), "web1": host()},
            ["waves: web2 | web1; the plan had web1 | web2"],
        ),
        (
            {"web1": host(), "web2": host(fingerprint={"machine": "f" * 16})},
            [
                "web2: it is another machine than the plan saw, or sshd has new keys; "
                "its variables cannot be compared"
            ],
        ),
        (
            {
                "web1": host(),
                "web2": host(
                    slot={
                        "reasons": [{"kind": "stopped", "text": "shop@blue.service is not running"}]
                    }
                ),
            },
            ["web2: cut over: shop@blue.service is not running now; the plan saw nothing"],
        ),
        (
            {
                "web1": host(),
                "web2": host(slot={"reasons": [{"kind": "service", "text": "service changed"}]}),
            },
            ["web2: the files of the live slot are others than the plan saw"],
        ),
    ],
    ids=[
        *("same", "another release", "none any more", "host gone", "host new", "setting of all"),
        *("secret of one", "setting gone", "setting new", "variable new", "branch moved"),
        *("content moved", "order", "machine", "stopped", "unit by hand"),
    ],
)
def test_moved_names_what_has(now: dict[str, HostFacts], told: list[str]) -> None:
    assert moved(plan(SAME), plan(now)) == told


def test_moved_names_what_has_changed_on_the_host_itself() -> None:
    then = plan({"web1": unchanged(provision={"packages": ["curl"]})}, "deploy")
    now = plan({"web1": unchanged(provision={"sysctl": ["net.core.somaxconn"]})}, "deploy")
    assert moved(then, now) == [
        "web1: packages: curl is as wanted now; the plan saw a change",
        "web1: sysctl: net.core.somaxconn would change now; the plan saw no change",
    ]


def test_moved_tells_what_has_no_name_by_its_place() -> None:
    then, now = plan(SAME), plan(SAME)
    now["apps"]["shop"]["canary_percent"] = 5
    assert moved(then, now) == ["apps.shop.canary_percent: 5 now; the plan saw None"]


def test_moved_names_the_application_where_there_are_several() -> None:
    docs: dict[str, Any] = {"app_name": "docs", "app_domain": ["docs.example.com"]}
    then = plan({"web1": host(), "web2": unchanged(deployment=docs)})
    now = plan({"web1": host(packed=OTHER_COMMIT), "web2": unchanged(deployment=docs)})
    assert moved(then, now) == [
        "shop: source: main is at cccccccccc now; the plan was for bbbbbbbbbb"
    ]


def test_moved_tells_another_playbook_and_another_version() -> None:
    then, now = plan(SAME), plan(SAME, "deploy")
    now["collection"] = "0.2.0"
    assert moved(then, now) == [
        "the plan is of release.yml; this is deploy.yml",
        "asgi.fleet is 0.2.0; the plan was made by 0.1.0",
    ]
