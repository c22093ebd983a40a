"""`app_metrics`: what is refused, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.metrics import (
    metrics,
    metrics_problems,
    metrics_rules,
    shared_listeners,
    wire_metrics,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings

SET = "set it in group_vars/app.yml"
LISTEN = (
    "expected an address and a port from 1024 to 65535, such as 127.0.0.1:9464, 10.0.0.7:9464 or "
    f"[::]:9464; {SET}"
)
NOTHING = {"enabled": False, "listen": "127.0.0.1:9464", "allow": [], "exporters": []}
OPEN = {"enabled": True, "listen": "0.0.0.0:9464", "allow": ["10.0.0.0/8", "2001:db8::/32"]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"enabled": True}, {"enabled": True}),
        ({"enabled": "yes", "listen": "[::1]:9000"}, {"enabled": True, "listen": "[::1]:9000"}),
        (
            {"enabled": True, "listen": "[::]:9464", "allow": "10.1.2.3/8"},
            {"enabled": True, "listen": "[::]:9464", "allow": ["10.0.0.0/8"]},
        ),
        ({"exporters": True}, {"exporters": ["host", "nginx"]}),
        ({"exporters": False}, {}),
        ({"exporters": "nginx"}, {"exporters": ["nginx"]}),
        ({"exporters": ["nginx", "host"]}, {"exporters": ["host", "nginx"]}),
    ],
)
def test_metrics_are_normalised(given: object, expected: dict[str, Any]) -> None:
    findings = Findings("app_metrics")
    assert (metrics(given, findings), findings.problems) == (NOTHING | expected, [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            True,
            "app_metrics is a boolean; expected a mapping of enabled, listen, allow and exporters; "
            f"{SET}",
        ),
        (
            {"enable": True},
            "app_metrics.enable is unknown; expected enabled, listen, allow or exporters; remove "
            "it",
        ),
        (
            {"exporters": ["node"]},
            "app_metrics.exporters is node; expected true, false, or a list of host and nginx; "
            f"{SET}",
        ),
        (
            {"exporters": 1},
            f"app_metrics.exporters is 1; expected true, false, or a list of host and nginx; {SET}",
        ),
        (
            {"enabled": "perhaps"},
            f"app_metrics.enabled is perhaps; expected true or false; {SET}",
        ),
        ({"listen": 9464}, f"app_metrics.listen is 9464; {LISTEN}"),
        ({"listen": "web1:9464"}, f"app_metrics.listen is web1:9464; {LISTEN}"),
        ({"listen": "10.0.0.7:80"}, f"app_metrics.listen is 10.0.0.7:80; {LISTEN}"),
        ({"listen": "10.0.0.700:9464"}, f"app_metrics.listen is 10.0.0.700:9464; {LISTEN}"),
        (
            {"listen": "0.0.0.0:9464"},
            "app_metrics.allow is empty and app_metrics.listen is 0.0.0.0:9464; expected the "
            "networks that may ask, such as 10.0.0.0/8; add Prometheus' own, or set "
            "app_metrics.listen to a loopback address",
        ),
        (
            {"allow": ["monitoring"]},
            "app_metrics.allow[0] is monitoring; expected a network in CIDR notation, such as "
            f"10.0.0.0/8; {SET}",
        ),
        (
            {"allow": ["0.0.0.0/0"]},
            "app_metrics.allow[0] is 0.0.0.0/0, everybody; expected the networks that may ask; "
            "name Prometheus' own",
        ),
    ],
)
def test_metrics_are_refused(given: object, message: str) -> None:
    findings = Findings("app_metrics")
    metrics(given, findings)
    assert [problem.message for problem in findings.problems] == [message]


def test_rules_open_the_port_for_each_network_alone() -> None:
    assert metrics_rules({"app_name": "shop", "app_metrics": OPEN}) == [
        {"port": 9464, "proto": "tcp", "from_ip": network, "comment": "metrics of shop"}
        for network in OPEN["allow"]  # type: ignore[attr-defined]
    ]


@pytest.mark.parametrize(
    "told",
    [{}, {**OPEN, "enabled": False}, {"enabled": True, "listen": "127.0.0.1:1", "allow": []}],
)
def test_rules_are_none_where_nobody_else_may_ask(told: dict[str, Any]) -> None:
    assert metrics_rules({"app_name": "shop", "app_metrics": told}) == []


def test_service_gets_what_the_deployment_says() -> None:
    told = {**OPEN, "exporters": ["host"]}
    wired = wire_metrics({"app_metrics": told, "health_host": "www.example.com"}, 8443)
    assert wired == {
        "gunicorn_service_metrics_enabled": True,
        "gunicorn_service_metrics_listen": "0.0.0.0:9464",
        "gunicorn_service_metrics_allow": ["10.0.0.0/8", "2001:db8::/32"],
        "gunicorn_service_metrics_packaged_exporters": ["host"],
        "gunicorn_service_metrics_host": "www.example.com",
        "gunicorn_service_metrics_https_port": 8443,
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"host_baseline_firewall_rules": [{"port": 9464, "from_ip": "10.0.0.0/8"}]},
        {"host_baseline_firewall_rules": [{"port": "9000:9999"}]},
        {"host_baseline_firewall_enabled": False},
    ],
)
def test_firewall_of_the_users_own_may_let_prometheus_in(settings: dict[str, Any]) -> None:
    assert metrics_problems({"app_metrics": OPEN}, settings) == []


def test_firewall_that_keeps_prometheus_out_is_refused() -> None:
    rules = {"host_baseline_firewall_rules": [{"port": 25}]}
    [problem] = metrics_problems({"app_metrics": OPEN}, rules)
    assert problem.message == (
        "app_metrics is enabled at 0.0.0.0:9464, and host_baseline_firewall_rules has no rule for "
        "it; expected one for each network of app_metrics.allow, such as {port: 9464, from_ip: "
        "10.0.0.0/8}; add it to host_baseline_firewall_rules"
    )


def test_worker_class_that_does_not_count_is_refused() -> None:
    told = {"app_metrics": {"enabled": True, "listen": "127.0.0.1:9464", "allow": []}}
    plain = {"gunicorn_service_worker_class": "uvicorn_worker.UvicornWorker"}
    [problem] = metrics_problems(told, plain)
    assert problem.message == (
        "app_metrics is enabled and gunicorn_service_worker_class is uvicorn_worker.UvicornWorker; "
        "expected draining_worker.DrainingWorker, which alone counts requests; remove "
        "gunicorn_service_worker_class, or set app_metrics.enabled: false"
    )


def test_two_applications_of_one_machine_need_two_ports() -> None:
    told = {"app_metrics": OPEN}
    found = shared_listeners(
        {
            "a": ("web1:22", told),
            "b": ("web1:22", told),
            "c": ("web2:22", told),
            "d": ("web1:22", {}),
        }
    )
    assert [(problem.message, *hosts) for problem, *hosts in found] == [
        (
            "app_metrics is port 9464 on both a and b, which are one machine (web1:22); expected "
            "another port for each application there; change app_metrics.listen of one of them",
            "a",
            "b",
        )
    ]
