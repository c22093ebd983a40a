"""`app_metrics`: what is refused, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.metrics import (
    DEFAULT_STATUS,
    EXPORTER_PORTS,
    metrics,
    metrics_problems,
    metrics_rules,
    shared_addresses,
    shared_listeners,
    wire_metrics,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings

ROLE = Path(__file__).resolve().parents[5] / "roles" / "gunicorn_service"
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
        (
            {"enabled": True, "listen": "[::]:9464", "allow": ["10.0.0.0/8", "2001:db8::/32"]},
            {
                "enabled": True,
                "listen": "[::]:9464",
                "allow": ["10.0.0.0/8", "2001:db8::/32"],
            },
        ),
        (
            {"enabled": True, "allow": ["127.0.0.0/8"]},
            {"enabled": True, "allow": ["127.0.0.0/8"]},
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
        ({"listen": "224.0.0.1:9464"}, f"app_metrics.listen is 224.0.0.1:9464; {LISTEN}"),
        ({"listen": "[fe80::1]:9464"}, f"app_metrics.listen is [fe80::1]:9464; {LISTEN}"),
        (
            {"enabled": True, "allow": ["10.0.0.0/8"]},
            "app_metrics.allow is 10.0.0.0/8 and app_metrics.listen is 127.0.0.1:9464, where only "
            "the host itself can ask; expected an address that they reach; set app_metrics.listen "
            "to one, such as 0.0.0.0:9464, or remove app_metrics.allow",
        ),
        (
            {"enabled": True, "listen": "10.0.0.7:9464", "allow": ["2001:db8::/32"]},
            "app_metrics.allow is 2001:db8::/32 and app_metrics.listen is 10.0.0.7:9464; expected "
            "a network of IPv4, since no other reaches that address; add one, or set "
            "app_metrics.listen to an address that they reach",
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


@pytest.mark.parametrize(
    ("listen", "exporters", "settings", "holder"),
    [
        ("10.0.0.7:8443", [], {"nginx_site_https_port": 8443}, "nginx_site_https_port"),
        ("10.0.0.7:8080", [], {"nginx_site_http_port": "8080"}, "nginx_site_http_port"),
        ("0.0.0.0:9100", ["host"], {}, "the exporter host"),
        ("0.0.0.0:9113", ["host", "nginx"], {}, "the exporter nginx"),
        ("10.0.0.7:9112", ["nginx"], {}, "gunicorn_service_metrics_status_listen"),
    ],
)
def test_port_of_another_program_of_the_deployment_is_refused(
    listen: str, exporters: list[str], settings: dict[str, Any], holder: str
) -> None:
    told = {**OPEN, "listen": listen, "exporters": exporters}
    settings = {"host_baseline_firewall_enabled": False, **settings}
    port = listen.rpartition(":")[2]
    assert [one.message for one in metrics_problems({"app_metrics": told}, settings)] == [
        f"app_metrics.listen is {listen}, and {holder} has port {port}; expected a port of its "
        "own; change app_metrics.listen"
    ]


def test_port_of_an_exporter_that_is_elsewhere_is_free() -> None:
    told = {**OPEN, "listen": "0.0.0.0:9100", "exporters": ["host"]}
    settings = {
        "host_baseline_firewall_enabled": False,
        "gunicorn_service_metrics_exporters": {"host": "localhost:9101", "db": "[::1]:9187"},
    }
    assert metrics_problems({"app_metrics": told}, settings) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"gunicorn_service_metrics_exporters": {"database": address}},
            f"gunicorn_service_metrics_exporters.database is {shown}; expected a loopback address "
            f"and a port, such as 127.0.0.1:9187; {SET}",
        )
        for address, shown in (
            ("9187", "9187"),
            (9187, "9187"),
            ("10.0.0.9:9187", "10.0.0.9:9187"),
            ("localhost:0", "localhost:0"),
            ("127.0.0.1:99999", "127.0.0.1:99999"),
            ({"port": 1}, '{"port": 1}'),
        )
    ]
    + [
        (
            {"gunicorn_service_metrics_exporters": {"a/b": "127.0.0.1:9187"}},
            "gunicorn_service_metrics_exporters is an exporter with the name a/b; expected "
            "letters, digits, - and _, since /metrics/<name> is asked for it; rename it",
        ),
        (
            {"gunicorn_service_metrics_status_listen": "0.0.0.0:9112"},
            "gunicorn_service_metrics_status_listen is 0.0.0.0:9112; expected a loopback address "
            f"and a port, such as 127.0.0.1:9112; {SET}",
        ),
    ],
)
def test_exporter_that_is_not_on_this_host_is_refused(
    settings: dict[str, Any], message: str
) -> None:
    told = {"app_metrics": NOTHING | {"exporters": ["nginx"]}}
    assert [one.message for one in metrics_problems(told, settings)] == [message]


def test_two_machines_have_two_addresses() -> None:
    told = {"app_metrics": {**OPEN, "listen": "10.0.0.7:9464"}}
    found = shared_addresses(
        {
            "a": ("web1:22", told),
            "b": ("web2:22", told),
            "c": ("web1:22", {"app_metrics": {**OPEN, "listen": "10.0.0.7:9465"}}),
            "d": ("web3:22", {"app_metrics": OPEN}),
            "e": ("web4:22", {"app_metrics": OPEN}),
            "f": ("web5:22", {"app_metrics": {**OPEN, "listen": "127.0.0.1:9464"}}),
            "g": ("web6:22", {"app_metrics": {**OPEN, "listen": "127.0.0.1:9464"}}),
            "h": ("web7:22", {"app_metrics": {"enabled": False, "listen": "10.0.0.7:9464"}}),
        }
    )
    assert [(problem.message, *hosts) for problem, *hosts in found] == [
        (
            "app_metrics.listen is 10.0.0.7:9464 on b, and a listens at 10.0.0.7 too, which is "
            "another machine (web1:22; web2:22); expected an address of each machine's own; set "
            'app_metrics.listen to an address of each host, such as "{{ ansible_host }}:9464", or '
            "to 0.0.0.0:9464",
            "a",
            "b",
        )
    ]


def test_ports_are_those_of_the_role() -> None:
    role = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    addresses = role["__gunicorn_service_metrics_addresses"]
    assert addresses == {name: f"127.0.0.1:{port}" for name, port in EXPORTER_PORTS.items()}
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert defaults["gunicorn_service_metrics_status_listen"] == DEFAULT_STATUS
