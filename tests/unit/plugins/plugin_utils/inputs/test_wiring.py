"""What the deployment gives to the roles' variables, and what a user's own value changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import examine
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.wiring import (
    DERIVED,
    DERIVED_BALANCER,
    OF_THE_RUN,
    balancer_problems,
    http3_problems,
    refuse_derived,
    refuse_of_the_run,
    timeout_problems,
    wire,
    wire_balancer,
    worker_class_problems,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.worker_class import DRAINING, PLAIN

ROLES = Path(__file__).resolve().parents[5] / "roles"
HOOK = {"command": "alembic upgrade head", "timeout": 300}
HOST_VARS: dict[str, Any] = {
    "app_name": "shop",
    "app_source": {"type": "path", "path": "/srv/shop"},
    "app_domain": ["*.example.com", "example.com"],
    "app_root_path": "/api",
    "app_health_path": "/up",
    "app_health_timeout": 90,
    "app_hooks": {"before_activate": [HOOK], "after_activate": ["warm up"]},
    "app_processes": [{"name": "worker", "command": ["arq", "worker.Settings"]}],
    "app_workers": 4,
    "app_worker_memory_mb": 256,
    "app_network_allow": ["any", "localhost"],
    "app_writable_paths": ["/srv/uploads"],
    "app_devices": ["/dev/nvidia0"],
    "app_sandbox": {"jit": True},
    "app_dependencies": {"file": "requirements/prod.txt", "extras": ["server"]},
    "app_package": True,
    "app_python": "3.13",
    "app_system_packages": ["git", "libpq5"],
    "app_releases_kept": 5,
    "app_tls": {"mode": "provided", "certificate": "/tls/chain.pem", "key": "/tls/key.pem"},
}
DEPLOYMENT = examine(HOST_VARS, files=False).deployment

#: What the user sets, by the variables whose values follow from it.
FOLLOWING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "read timeout": (
        {"nginx_site_proxy_read_timeout_seconds": 300},
        {
            "gunicorn_service_proxy_read_timeout_seconds": 300,
            "gunicorn_service_request_timeout_seconds": 300,
        },
    ),
    "read timeout of the command line": (
        {"nginx_site_proxy_read_timeout_seconds": "300"},
        {
            "gunicorn_service_proxy_read_timeout_seconds": "300",
            "gunicorn_service_request_timeout_seconds": "300",
        },
    ),
    "keepalive": (
        {"nginx_site_upstream_keepalive_timeout_seconds": 30},
        {
            "gunicorn_service_proxy_keepalive_seconds": 30,
            "gunicorn_service_linger_seconds": 31,
        },
    ),
    "keepalive of the command line": (
        {"nginx_site_upstream_keepalive_timeout_seconds": "30"},
        {
            "gunicorn_service_proxy_keepalive_seconds": "30",
            "gunicorn_service_linger_seconds": 31,
        },
    ),
    "certificates": (
        {"tls_certificate_directory": "/srv/tls"},
        {
            "nginx_site_certificate_directory": "/srv/tls",
            "nginx_site_certificate_path": "/srv/tls/fullchain.pem",
            "nginx_site_key_path": "/srv/tls/privkey.pem",
        },
    ),
}


def test_wiring_gives_the_roles_what_the_deployment_says() -> None:
    hooks = DEPLOYMENT["app_hooks"]
    assert hooks["before_activate"] == [HOOK]
    assert wire(DEPLOYMENT, {}, ["10.0.0.1", "10.0.0.2"]) == {
        "python_release_name": "shop",
        "python_release_source": DEPLOYMENT["app_source"],
        "python_release_dependencies": {
            "file": "requirements/prod.txt",
            "extras": ["server"],
            "groups": [],
        },
        "python_release_package": "true",
        "python_release_commands": ["alembic upgrade head", "warm up", "arq worker.Settings"],
        "python_release_module": "",
        "python_release_import_timeout_seconds": 120,
        "python_release_python": "3.13",
        "python_release_system_packages": ["git", "libpq5"],
        "python_release_kept": 5,
        "python_release_network_allow": ["any", "localhost"],
        "python_release_writable_paths": ["/srv/uploads"],
        "python_release_devices": ["/dev/nvidia0"],
        "python_release_sandbox": {"jit": True, "netlink": False},
        "python_release_variable_prefix": "app_",
        "gunicorn_service_variable_prefix": "app_",
        "gunicorn_service_name": "shop",
        "gunicorn_service_root_path": "/api",
        "gunicorn_service_static": {},
        "gunicorn_service_health_path": "/up",
        "gunicorn_service_health_host": "example.com",
        "gunicorn_service_health_timeout_seconds": 90,
        "gunicorn_service_before_activate": hooks["before_activate"],
        "gunicorn_service_after_activate": hooks["after_activate"],
        "gunicorn_service_timers": [],
        "gunicorn_service_metrics_enabled": False,
        "gunicorn_service_metrics_listen": "127.0.0.1:9464",
        "gunicorn_service_metrics_allow": [],
        "gunicorn_service_metrics_packaged_exporters": [],
        "gunicorn_service_metrics_host": "example.com",
        "gunicorn_service_metrics_https_port": 443,
        "gunicorn_service_processes": DEPLOYMENT["app_processes"],
        "gunicorn_service_log_format": "text",
        "gunicorn_service_workers": 4,
        "gunicorn_service_worker_memory_mb": 256,
        "gunicorn_service_recycle": {},
        "gunicorn_service_connections": {},
        "gunicorn_service_preload": False,
        "gunicorn_service_network_allow": ["any", "localhost"],
        "gunicorn_service_writable_paths": ["/srv/uploads"],
        "gunicorn_service_devices": ["/dev/nvidia0"],
        "gunicorn_service_sandbox": {"jit": True, "netlink": False},
        "gunicorn_service_proxy_read_timeout_seconds": 60,
        "gunicorn_service_request_timeout_seconds": 60,
        "gunicorn_service_proxy_keepalive_seconds": 2,
        "gunicorn_service_linger_seconds": 3,
        "tls_certificate_name": "shop",
        "tls_certificate_mode": "provided",
        "tls_certificate_domains": ["*.example.com", "example.com"],
        "tls_certificate_directory": "/etc/shop/tls",
        "tls_certificate_provided_certificate": "/tls/chain.pem",
        "tls_certificate_provided_chain": "",
        "tls_certificate_authority_certificate": "",
        "tls_certificate_authority_folder": "authority",
        "tls_certificate_issued_days": 30,
        "tls_certificate_renewal_enabled": False,
        "tls_certificate_deploy_command": "",
        "tls_certificate_key_group": "www-data",
        "tls_certificate_key_mode": "0640",
        "nginx_site_certificate_directory": "/etc/shop/tls",
        "nginx_site_name": "shop",
        "nginx_site_domains": ["*.example.com", "example.com"],
        "nginx_site_upstream_socket": "/var/lib/shop/live.sock",
        "nginx_site_certificate_path": "/etc/shop/tls/fullchain.pem",
        "nginx_site_key_path": "/etc/shop/tls/privkey.pem",
        "nginx_site_root_path": "/api",
        "nginx_site_mount_of": "",
        "nginx_site_static": [],
        "nginx_site_static_root": "/opt/shop/static",
        "nginx_site_health_path": "/api/up",
        "nginx_site_health_host": "example.com",
        "nginx_site_maintenance_path": "/var/lib/shop/maintenance",
        "nginx_site_maintenance_open_paths": ["/api/up"],
        "nginx_site_proxy_read_timeout_seconds": 60,
        "nginx_site_upstream_keepalive_timeout_seconds": 2,
        "nginx_site_trusted_proxies": ["10.0.0.1", "10.0.0.2"],
    }


def test_wiring_names_the_variables_of_roles() -> None:
    wired = set(wire(DEPLOYMENT, {}, [])) | set(wire_balancer({}, [], "lb1", {"lb1": "192.0.2.1"}))
    known: set[str] = set()
    for specs in ROLES.glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(specs.read_text())["argument_specs"].values():
            known |= entry.get("options", {}).keys()
    assert wired - known == set()
    assert (DERIVED.keys() | DERIVED_BALANCER.keys()) - known == set()


def test_wiring_of_variables_that_do_not_fit_still_says_what_it_can() -> None:
    """All problems are told at once: what is wrong keeps nothing else from being looked at."""
    wired = wire({}, {}, [])
    assert wired.keys() == wire(DEPLOYMENT, {}, []).keys()
    assert wired["nginx_site_proxy_read_timeout_seconds"] == 60


#: With a path of the user's, nginx loads that file, and the pair by no variable.
OWN_PATHS = ("nginx_site_certificate_path", "nginx_site_key_path")


@pytest.mark.parametrize("name", OWN_PATHS)
def test_path_of_the_user_is_loaded_at_a_reload(name: str) -> None:
    wired = wire(DEPLOYMENT, {name: "/srv/x.pem"}, [])
    assert "nginx_site_certificate_directory" not in wired
    assert wired["tls_certificate_deploy_command"] == "systemctl try-reload-or-restart nginx"


def test_pair_is_found_at_each_handshake() -> None:
    wired = wire(DEPLOYMENT, {"nginx_site_user": "web"}, [])
    assert wired["nginx_site_certificate_directory"] == "/etc/shop/tls"
    assert wired["tls_certificate_deploy_command"] == ""
    assert (wired["tls_certificate_key_group"], wired["tls_certificate_key_mode"]) == (
        "web",
        "0640",
    )


def test_acme_is_the_balancers_where_there_are_any() -> None:
    tls = {"mode": "acme", "directory": "https://ca.example/dir", "challenge": "http-01"}
    alone = wire({**DEPLOYMENT, "app_tls": tls}, {}, [])
    behind = wire({**DEPLOYMENT, "app_tls": tls}, {}, ["10.0.0.1"])
    assert alone["tls_certificate_mode"] == "acme"
    assert alone["tls_certificate_acme_directory"] == "https://ca.example/dir"
    assert behind["tls_certificate_mode"] == "selfsigned"


@pytest.mark.parametrize(
    "name", [name for name in wire(DEPLOYMENT, {}, []) if name not in OWN_PATHS]
)
def test_value_of_the_user_wins(name: str) -> None:
    plain = wire(DEPLOYMENT, {}, [])
    wired = wire(DEPLOYMENT, {name: plain[name]}, [])
    assert name not in wired
    assert wired.items() <= plain.items()


@pytest.mark.parametrize("case", FOLLOWING)
def test_what_follows_from_a_value_follows_from_that_of_the_user(case: str) -> None:
    given, follows = FOLLOWING[case]
    plain, wired = wire(DEPLOYMENT, {}, []), wire(DEPLOYMENT, given, [])
    changed = {name: value for name, value in wired.items() if value != plain[name]}
    assert changed == follows
    assert plain.keys() - wired.keys() == given.keys()


def test_value_of_the_user_wins_also_over_what_follows() -> None:
    given = {
        "nginx_site_proxy_read_timeout_seconds": 300,
        "gunicorn_service_request_timeout_seconds": 400,
    }
    wired = wire(DEPLOYMENT, given, [])
    assert given.keys() & wired.keys() == set()
    assert wired["gunicorn_service_proxy_read_timeout_seconds"] == 300


# HTTP/3 and the firewall


@pytest.mark.parametrize(
    "given",
    [
        {"host_baseline_firewall_rules": [{"port": 9100}]},
        {"nginx_site_http3_enabled": True},
        {
            "nginx_site_http3_enabled": True,
            "host_baseline_firewall_rules": [{"port": "443", "proto": "udp", "from_ip": "::/0"}],
        },
        {
            "nginx_site_http3_enabled": True,
            "host_baseline_firewall_rules": [{"port": "400:500", "proto": "udp"}],
        },
        {
            "nginx_site_http3_enabled": True,
            "host_baseline_firewall_enabled": False,
            "host_baseline_firewall_rules": [{"port": 9100}],
        },
    ],
)
def test_port_of_http3_is_open(given: dict[str, Any]) -> None:
    assert http3_problems({**given, **wire(DEPLOYMENT, given, [])}) == []


def test_rules_of_the_users_own_must_name_the_port_of_http3() -> None:
    given = {
        "nginx_site_http3_enabled": True,
        "nginx_site_https_port": 8443,
        "host_baseline_firewall_rules": [{"port": 443, "proto": "udp"}],
    }
    [problem] = http3_problems({**given, **wire(DEPLOYMENT, given, [])})
    assert problem.message == (
        "host_baseline_firewall_rules is without UDP 8443, and nginx_site_http3_enabled is "
        "true; expected a rule for it, such as {port: 8443, proto: udp}; add it, or set "
        "nginx_site_http3_enabled: false"
    )


# The order of the timeouts


def problems(**given: object) -> list[str]:
    return [
        problem.message for problem in timeout_problems({**given, **wire(DEPLOYMENT, given, [])})
    ]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"nginx_site_proxy_read_timeout_seconds": 3600},
        {"nginx_site_proxy_read_timeout_seconds": "3600"},
        {"nginx_site_upstream_keepalive_timeout_seconds": 75},
        {"gunicorn_service_request_timeout_seconds": 60},
        {"gunicorn_service_drain_seconds": 300},
    ],
)
def test_timeouts_that_are_wired_stand_in_order(given: dict[str, object]) -> None:
    assert problems(**given) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {
                "nginx_site_proxy_read_timeout_seconds": 120,
                "gunicorn_service_request_timeout_seconds": 90,
            },
            "gunicorn_service_request_timeout_seconds is 90; expected at least the proxy's read "
            "timeout of 120 s",
        ),
        (
            {
                "nginx_site_upstream_keepalive_timeout_seconds": 10,
                "gunicorn_service_linger_seconds": 10,
            },
            "gunicorn_service_linger_seconds is 10; expected more than the proxy's keepalive "
            "timeout of 10 s",
        ),
    ],
    ids=["request", "linger"],
)
def test_timeouts_of_the_user_that_would_cut_requests_are_refused(
    given: dict[str, object], told: str
) -> None:
    [message] = problems(**given)
    assert message.startswith(f"{told}, or ")


# The worker class


@pytest.mark.parametrize("chosen", [DRAINING, *PLAIN])
def test_worker_class_is_ours_or_uvicorns(chosen: str) -> None:
    assert worker_class_problems({}) == []
    assert worker_class_problems({"gunicorn_service_worker_class": chosen}) == []


@pytest.mark.parametrize("chosen", ["uvicorn.workers.UvicornH11Worker", "asgi", "", None, 4])
def test_another_worker_class_is_refused_by_name(chosen: object) -> None:
    (problem,) = worker_class_problems({"gunicorn_service_worker_class": chosen})
    assert problem.variable == "gunicorn_service_worker_class"
    assert (
        "expected draining_worker.DrainingWorker, uvicorn_worker.UvicornWorker or "
        "uvicorn.workers.UvicornWorker; a class of your own is set by extending the block `worker`"
    ) in problem.message


# The balancer

BALANCERS = {"lb1": "192.0.2.1", "lb2": "192.0.2.2", "lb3": "192.0.2.3"}
RESPONSE = "haproxy_balancer_response_timeout_seconds"


@pytest.mark.parametrize(
    ("read_timeouts", "response"),
    [
        ([60, 60], 65),
        ([60, 120, 90], 125),
        (["300", 60], 305),
        ([], 65),
        ([10], 15),
        (["{{ later }}", 120], 125),
        (["{{ later }}"], 65),
    ],
    ids=["default", "longest", "text", "none told", "short", "one unknown", "all unknown"],
)
def test_balancer_waits_longer_than_every_application_host(
    read_timeouts: list[object], response: int
) -> None:
    assert wire_balancer({}, read_timeouts, "lb1", BALANCERS)[RESPONSE] == response


def test_balancer_knows_its_peers_and_its_turn() -> None:
    first, second = (wire_balancer({}, [60], host, BALANCERS) for host in ("lb1", "lb2"))
    assert first == {
        RESPONSE: 65,
        "host_baseline_firewall_tcp_ports": [80, 443],
        "host_baseline_firewall_vrrp_peers": [],
        "haproxy_balancer_floating_source": "192.0.2.1",
        "haproxy_balancer_floating_peers": ["192.0.2.2", "192.0.2.3"],
        "haproxy_balancer_floating_priority": 200,
    }
    assert second["haproxy_balancer_floating_peers"] == ["192.0.2.1", "192.0.2.3"]
    assert second["haproxy_balancer_floating_priority"] == 199


def test_firewall_of_a_balancer_lets_in_what_it_serves_and_its_peers() -> None:
    given = {
        "haproxy_balancer_http_port": 8080,
        "haproxy_balancer_floating_address": "192.0.2.200/24",
    }
    wired = wire_balancer(given, [60], "lb1", BALANCERS)
    assert wired["host_baseline_firewall_tcp_ports"] == [8080, 443]
    assert wired["host_baseline_firewall_vrrp_peers"] == ["192.0.2.2", "192.0.2.3"]
    own = given | {"haproxy_balancer_floating_peers": ["198.51.100.2"]}
    wired = wire_balancer(own, [60], "lb1", BALANCERS)
    assert wired["host_baseline_firewall_vrrp_peers"] == ["198.51.100.2"]


@pytest.mark.parametrize("name", wire_balancer({}, [60], "lb1", BALANCERS))
def test_value_of_the_user_wins_on_a_balancer(name: str) -> None:
    plain = wire_balancer({}, [60], "lb1", BALANCERS)
    wired = wire_balancer({name: plain[name]}, [60], "lb1", BALANCERS)
    assert wired == {key: value for key, value in plain.items() if key != name}


# What is refused


@pytest.mark.parametrize(("name", "instead"), {**DERIVED, **DERIVED_BALANCER}.items())
def test_derived_variable_is_refused_with_what_to_set_instead(name: str, instead: str) -> None:
    [problem] = refuse_derived([name, "nginx_site_https_port"], {**DERIVED, **DERIVED_BALANCER})
    assert problem.variable == name
    assert problem.message == (
        f"{name} is set in the inventory; expected nothing, since it follows from {instead}; "
        f"set {instead} instead, or remove it"
    )


def test_derived_variables_follow_from_those_of_the_deployment() -> None:
    assert set(DERIVED.values()) <= BY_NAME.keys()


def test_variables_that_a_user_may_set_are_not_refused() -> None:
    free = wire(DEPLOYMENT, {}, []).keys() - DERIVED.keys()
    assert "nginx_site_proxy_read_timeout_seconds" in free
    assert refuse_derived(free, DERIVED) == []


@pytest.mark.parametrize("name", OF_THE_RUN)
def test_variable_that_each_run_sets_is_refused_by_name(name: str) -> None:
    (problem,) = refuse_of_the_run(["nginx_site_https_port", name])
    assert problem.variable == name
    assert problem.message.startswith(f"{name} is set in the inventory; expected nothing, since ")
    assert problem.message.endswith("remove it")


def test_static_files_are_served_below_the_root_path() -> None:
    wired = wire(DEPLOYMENT | {"app_static": {"/static": "web"}}, {}, [])
    assert wired["nginx_site_static"] == ["/api/static"]
    assert wired["gunicorn_service_static"] == {"/api/static": "web"}


def test_a_mounted_application_has_the_certificate_of_the_other_one() -> None:
    wired = wire(DEPLOYMENT | {"app_mount_of": "website"}, {}, [])
    assert wired["nginx_site_mount_of"] == "website"
    assert wired["nginx_site_certificate_path"] == "/etc/website/tls/fullchain.pem"
    assert wired["nginx_site_upstream_socket"] == "/var/lib/shop/live.sock"


@pytest.mark.parametrize(
    ("deployment", "balancers", "messages"),
    [
        (
            {"fleet_canary_percent": 5, "fleet_soak_seconds": 10},
            [],
            [
                "fleet_canary_percent is 5 and no host is in the group balancer; expected a "
                "balancer, which shares out the requests; add one to the inventory, or remove the "
                "variable"
            ],
        ),
        (
            {"fleet_sticky_sessions": True},
            [],
            [
                "fleet_sticky_sessions is true and no host is in the group balancer; expected a "
                "balancer, which gives the cookie; add one to the inventory, or remove the variable"
            ],
        ),
        (
            {"fleet_canary_percent": 5, "fleet_soak_seconds": 0},
            ["lb1"],
            [
                "fleet_canary_percent is 5 and fleet_soak_seconds is 0; expected a time in which "
                "the canary is watched; set fleet_soak_seconds, or remove fleet_canary_percent"
            ],
        ),
        (
            {
                "fleet_canary_percent": 5,
                "fleet_soak_seconds": 9,
                "fleet_sticky_sessions": True,
            },
            ["lb1"],
            [],
        ),
        ({"fleet_canary_percent": None, "fleet_sticky_sessions": False}, [], []),
        ({}, [], []),
    ],
)
def test_what_only_a_balancer_can_do_needs_one(
    deployment: dict[str, Any], balancers: list[str], messages: list[str]
) -> None:
    assert [one.message for one in balancer_problems(deployment, balancers)] == messages


def test_http3_opens_the_firewall_unless_the_rules_are_the_users() -> None:
    rules = "host_baseline_firewall_rules"
    assert rules not in wire(DEPLOYMENT, {}, [])
    given = {"nginx_site_http3_enabled": True, "nginx_site_https_port": 8443}
    wired = wire(DEPLOYMENT, given, [])
    assert wired[rules] == [{"port": 8443, "proto": "udp", "comment": "HTTP/3"}]
    assert rules not in wire(DEPLOYMENT, given | {rules: []}, [])
