from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.role_variables import (
    converted,
    out_of_range,
    role_options,
    unknown,
)

ROLES = Path(__file__).resolve().parents[5] / "roles"
OPTIONS = role_options(ROLES)


def test_options_are_those_of_every_role() -> None:
    assert OPTIONS["nginx_site_http2_enabled"] == "bool"
    assert OPTIONS["host_baseline_sysctl"] == "dict"
    assert len({name.partition("_")[0] for name in OPTIONS}) == 6


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("nginx_site_read_timeout", "did you mean nginx_site_proxy_read_timeout_seconds? rename"),
        ("nginx_site_hsts_enable", "did you mean nginx_site_hsts_enabled? rename"),
        ("host_baseline_zzz", "remove it"),
    ],
)
def test_unknown_variable_is_named(name: str, advice: str) -> None:
    (problem,) = unknown([name], OPTIONS, [], [])
    assert problem.message.startswith(f"{name} is not a variable of asgi.fleet's roles; {advice}")


def test_known_variables_results_and_the_users_own_are_none() -> None:
    names = [*OPTIONS, "python_release_result", "nginx_site_banner"]
    assert unknown(names, OPTIONS, ["python_release_result"], ["nginx_site_b*"]) == []


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("nginx_site_hsts_enabled", "false", False),
        ("nginx_site_hsts_enabled", "no", False),
        ("nginx_site_proxy_read_timeout_seconds", "300", 300),
        ("nginx_site_trusted_proxies", "10.0.0.1,10.0.0.2", ["10.0.0.1", "10.0.0.2"]),
        ("host_baseline_sysctl", '{"vm.swappiness": 1}', {"vm.swappiness": 1}),
    ],
)
def test_text_becomes_its_type(name: str, text: str, value: object) -> None:
    assert converted({name: text}, OPTIONS, []) == ({name: value}, [])


def test_what_needs_no_conversion_is_left_alone() -> None:
    given = {
        "nginx_site_hsts_enabled": False,
        "nginx_site_template": "true",
        "nginx_site_http_port": "{{ port }}",
        "nginx_site_banner": "yes",
    }
    assert converted(given, OPTIONS, []) == ({}, [])


def test_text_that_is_no_value_is_refused() -> None:
    _values, (problem,) = converted({"nginx_site_http_port": "eighty"}, OPTIONS, [])
    assert problem.message.startswith("nginx_site_http_port is eighty; expected a whole number; ")


def test_list_as_text_on_the_command_line_is_refused() -> None:
    name = "nginx_site_trusted_proxies"
    values, (problem,) = converted({name: "10.0.0.1"}, OPTIONS, [name])
    assert values == {}
    assert problem.message.endswith(f"expected a list; give it as JSON: -e '{{\"{name}\": ...}}'")
    assert converted({"nginx_site_http_port": "81"}, OPTIONS, ["nginx_site_http_port"])[1] == []


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("gunicorn_service_memory_max_mb", -5, "0 or more"),
        ("gunicorn_service_drain_seconds", -1, "0 or more"),
        ("nginx_site_https_port", 70_000, "a number from 0 to 65535"),
        ("haproxy_balancer_observe_port", -1, "a number from 0 to 65535"),
        ("tls_certificate_renew_percent", 133, "a number from 0 to 100"),
    ],
)
def test_number_that_nothing_can_be_is_refused(name: str, value: int, allowed: str) -> None:
    (problem,) = out_of_range({name: value}, OPTIONS)
    assert problem.message.startswith(f"{name} is {value}; expected {allowed}")


def test_numbers_of_the_roles_defaults_are_in_range() -> None:
    defaults = {
        name: value
        for path in sorted(ROLES.glob("*/defaults/main.yml"))
        for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    }
    assert len(defaults) > 100
    assert out_of_range(defaults, OPTIONS) == []
    assert out_of_range({"nginx_site_banner": -1, "nginx_site_template": "-1"}, OPTIONS) == []
