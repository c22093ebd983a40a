"""What a plan takes from the results of the tasks."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.facts import (
    NoPlanError,
    balancer_plan,
    host_facts,
    provision,
    refuse_locked,
)

from tests.unit.plugins.plugin_utils.plan.planned_fleet import (
    BEGUN,
    DEPLOYMENT,
    FINGERPRINT,
    PACKED,
    SLOT,
    host,
)

HOLDER = {"rollout": "20261121T061000-5f3a", "who": "grace@ci", "since": 1795241400}
VARIABLES: dict[str, Any] = {
    "deployment": DEPLOYMENT,
    "plan_begun": BEGUN,
    "plan_fingerprint": FINGERPRINT,
    "__python_release_packed": PACKED,
    "gunicorn_service_result": SLOT,
    "host_baseline_result": {"drift": {"packages": ["curl"]}},
}
ACME = {"deployment": {**DEPLOYMENT, "app_tls": {"mode": "acme"}}}


def look(mode: str, *names: str) -> dict[str, Any]:
    return {
        "fleet_look": {"state": {"certificate": {"names": list(names), "renewal": {"mode": mode}}}}
    }


def test_facts_of_a_release_have_nothing_of_the_host() -> None:
    assert host_facts(VARIABLES, "release").provision == {}
    assert host_facts(VARIABLES, "deploy").provision == {"packages": ["curl"]}


def test_facts_ignore_a_comparison_where_nothing_is_live() -> None:
    """One that was skipped leaves a result, too."""
    variables = {**VARIABLES, "plan_begun": {**BEGUN, "live": ""}}
    assert host_facts(variables, "release").slot == {}


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, {}),
        ({"host_baseline_result": {"drift": {}}}, {}),
        (
            {"nginx_site_result": {"installed": True, "files": ["/etc/nginx/conf.d/shop.conf"]}},
            {"site": ["/etc/nginx/conf.d/shop.conf"]},
        ),
        ({"nginx_site_result": {"installed": False, "files": []}}, {"packages": ["nginx"]}),
        (
            {"tls_certificate_result": {"drift": {"certificate": ["12 % left"], "links": ["/a"]}}},
            {"certificate": ["a new certificate", "which pair is in use"]},
        ),
        ({"tls_certificate_result": {"skipped": True}}, {}),
        ({**ACME, **look("acme", "shop.example.com")}, {}),
        ({**ACME, **look("acme", "other.example.com")}, {"certificate": ["ordered by ACME"]}),
        ({**ACME, **look("selfsigned", "shop.example.com")}, {"certificate": ["ordered by ACME"]}),
        (
            {**ACME, "fleet_look": {"state": {"certificate": None}}},
            {"certificate": ["ordered by ACME"]},
        ),
        (
            {
                "deployment": {**DEPLOYMENT, "app_mount_of": "site"},
                "tls_certificate_result": {"drift": {"key": ["x"]}},
            },
            {},
        ),
    ],
    ids=[
        "nothing",
        "as wanted",
        "site",
        "no nginx",
        "certificate",
        "skipped",
        "acme",
        "acme: other names",
        "acme: placeholder",
        "acme: none",
        "mounted",
    ],
)
def test_provision_names_what_a_deployment_changes(
    variables: dict[str, Any], found: dict[str, list[str]]
) -> None:
    assert provision({"deployment": DEPLOYMENT, **variables}) == found


def test_locked_host_has_no_plan() -> None:
    with pytest.raises(NoPlanError, match=r"because of web2: shop is locked by grace@ci since 20"):
        refuse_locked({"web1": host(), "web2": host(begun={"holder": HOLDER})}, take_over=False)


def test_lock_that_is_taken_over_or_has_ended_is_none() -> None:
    locked = host(begun={"holder": HOLDER})
    refuse_locked({"web1": locked}, take_over=True)
    refuse_locked(
        {"web1": locked, "web2": host(begun={"ended": [HOLDER["rollout"]]})}, take_over=False
    )


def test_balancer_gets_and_loses_servers() -> None:
    look_at: dict[str, Any] = {"state": {"servers": {"shop/web1": {}, "shop/web9": {}}}}
    sites = [{"name": "shop", "servers": [{"name": "web1"}, {"name": "web2"}]}]
    assert balancer_plan(look_at, sites) == {"added": ["shop/web2"], "removed": ["shop/web9"]}
    assert balancer_plan({}, sites) == {"added": ["shop/web1", "shop/web2"], "removed": []}
