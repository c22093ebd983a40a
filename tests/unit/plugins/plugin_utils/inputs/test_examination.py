"""The variables: every refusal with its line, what a good value becomes, what crosses hosts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    Examination,
    derived,
    examine,
    judge,
    report,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.module_path import ALLOWED
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Problem
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import (
    SPEC,
    Deployment,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
GOOD: dict[str, Any] = {"app_name": "shop", "app_source": GIT, "app_domain": "www.example.com"}
SET = "set it in group_vars/app.yml"


def lines(**changes: object) -> list[str]:
    found = examine(GOOD | changes).problems
    assert found, f"accepted: {changes}"
    return [problem.message for problem in found]


def accepted(**changes: object) -> dict[str, Any]:
    found = examine(GOOD | changes)
    assert found.problems == []
    return found.deployment


def test_examination_fills_in_every_default() -> None:
    assert accepted() == {
        "app_name": "shop",
        "app_source": GIT | {"subdirectory": "", "exclude": [], "include": []},
        "app_dependencies": {"file": "auto", "extras": [], "groups": []},
        "app_package": "auto",
        "app_module": "",
        "app_domain": ["www.example.com"],
        "app_root_path": "",
        "app_mount_of": "",
        "app_static": {},
        "app_health_path": "/healthz",
        "app_health_timeout": 60,
        "app_hooks": {
            "before_rollout": [],
            "before_activate": [],
            "after_activate": [],
            "after_rollout": [],
        },
        "app_processes": [],
        "app_backup": {},
        "app_timers": [],
        "app_workers": "auto",
        "app_worker_memory_mb": 128,
        "app_log_format": "text",
        "app_preload": False,
        "app_recycle": {},
        "app_connections": {},
        "app_metrics": {
            "enabled": False,
            "listen": "127.0.0.1:9464",
            "allow": [],
            "exporters": [],
        },
        "app_network_allow": ["any"],
        "app_writable_paths": [],
        "app_devices": [],
        "app_sandbox": {"jit": False, "netlink": False},
        "app_python": "",
        "app_system_packages": [],
        "app_releases_kept": 3,
        "app_tls": {"mode": "selfsigned"},
        "fleet_waves": [1, "25%", "100%"],
        "fleet_soak_seconds": 10,
        "fleet_on_failure": "revert_all",
        "fleet_max_error_ratio": None,
        "fleet_max_p99_ms": None,
        "fleet_min_requests": 100,
        "fleet_canary_percent": None,
        "fleet_sticky_sessions": False,
        "fleet_drill_allowed": False,
        "fleet_report_directory": "",
        "fleet_notify": [],
        "fleet_take_over_lock": False,
        "fleet_allow_older": False,
        "fleet_allow_unserved": False,
        "health_host": "www.example.com",
        "health_url_path": "/healthz",
    }


def test_deployment_type_names_what_the_table_hands_over() -> None:
    handed_over = [variable.name for variable in SPEC if variable.in_deployment]
    assert [*handed_over, *derived({})] == list(Deployment.__annotations__)


@pytest.mark.parametrize(
    ("changes", "host", "path"),
    [
        ({"app_domain": ["b.example", "a.example"]}, "b.example", "/healthz"),
        ({"app_domain": ["*.example.com", "example.com"]}, "example.com", "/healthz"),
        ({"app_domain": "*.example.com"}, "www.example.com", "/healthz"),
        ({"app_root_path": "/api", "app_health_path": "/up"}, "www.example.com", "/api/up"),
    ],
    ids=["first name", "wildcard first", "wildcard alone", "below a prefix"],
)
def test_deployment_says_how_the_application_is_asked_for_its_health(
    changes: dict[str, Any], host: str, path: str
) -> None:
    deployment = accepted(**changes)
    assert (deployment["health_host"], deployment["health_url_path"]) == (host, path)


def test_deployment_says_what_it_can_of_variables_that_do_not_fit() -> None:
    found = examine(GOOD | {"app_domain": "a_b", "app_health_path": "up"})
    assert len(found.problems) == 2
    assert (found.deployment["health_host"], found.deployment["health_url_path"]) == ("", "")


def test_deployment_carries_no_environment_and_no_secret() -> None:
    fact = accepted(app_env={"LOCALE": "en"}, app_secrets={"TOKEN": "s3cret"})
    assert "s3cret" not in repr(fact)
    assert "app_env" not in fact


@pytest.mark.parametrize(
    ("name", "given", "normal"),
    [
        ("app_workers", "4", 4),
        ("app_workers", 512, 512),
        ("app_workers", "auto", "auto"),
        ("app_workers", None, "auto"),
        ("app_domain", "WWW.Example.com", ["www.example.com"]),
        ("app_domain", ["*.example.com", "example.com"], ["*.example.com", "example.com"]),
        ("app_domain", ["xn--bcher-kva.example"], ["xn--bcher-kva.example"]),
        ("app_domain", "localhost", ["localhost"]),
        ("app_tls", "selfsigned", {"mode": "selfsigned"}),
        ("app_module", "shop.api.main:create_app()", "shop.api.main:create_app()"),
        ("app_root_path", "/api/v1", "/api/v1"),
        ("app_python", "3.13", "3.13"),
        ("fleet_waves", ["2", "50%"], [2, "50%"]),
        ("fleet_waves", "100%", ["100%"]),
        ("fleet_soak_seconds", "0", 0),
        ("fleet_on_failure", "stop", "stop"),
        ("fleet_max_error_ratio", 0, 0.0),
        ("fleet_max_error_ratio", 0.01, 0.01),
        ("fleet_max_error_ratio", 0.00001, 0.00001),
        ("fleet_max_error_ratio", "0.01", 0.01),
        ("fleet_max_error_ratio", "1%", 0.01),
        ("fleet_max_error_ratio", "0.5%", 0.005),
        ("fleet_max_p99_ms", "500", 500),
        ("fleet_canary_percent", "5", 5),
        ("fleet_sticky_sessions", "yes", True),
        ("fleet_min_requests", "20", 20),
    ],
)
def test_check_normalises(name: str, given: object, normal: object) -> None:
    assert accepted(**{name: given})[name] == normal


def test_hooks_get_their_phase_and_timeout() -> None:
    hooks = {"before_rollout": ["alembic upgrade head", {"command": "warm up", "timeout": "5"}]}
    assert accepted(app_hooks=hooks)["app_hooks"]["before_rollout"] == [
        {"command": "alembic upgrade head", "timeout": 300},
        {"command": "warm up", "timeout": 5},
    ]


@pytest.mark.parametrize("name", [variable.name for variable in SPEC if variable.required])
def test_required_variable_is_asked_for_with_an_example(name: str) -> None:
    host_vars = {key: value for key, value in GOOD.items() if key != name}
    [line] = [problem.message for problem in examine(host_vars).problems]
    assert line.startswith(f"{name} is not set; expected ")
    assert f"; {SET}, for example {name}: " in line


def test_missing_source_message() -> None:
    assert lines(app_source=None) == [
        "app_source is not set; expected a mapping with type git, path, archive or package; "
        f"{SET}, for example app_source: "
        "{type: git, url: https://git.example.com/shop.git, version: v1.4.0}"
    ]


NAME = "a lower-case letter and then at most 30 of a-z, 0-9 and -, such as shop"
DOMAIN = "a DNS name such as www.example.com or *.example.com, or an IP address"
MODULE = ALLOWED
URL_PATH = "a path that begins with /, such as /healthz, without a query"
PREFIX = "empty or a path that begins with / and does not end with it, such as /api"
WORKERS = "auto or a number from 1 to 512"
SHARE = 'a share from 0 to below 1 such as 0.01, or a percentage below 100% such as "1%"'
WAVE = 'a number of hosts from 1 on, or "1%" to "100%"'


@pytest.mark.parametrize(
    ("name", "value", "rest"),
    [
        ("app_workers", 0, f"is 0; expected {WORKERS}; {SET}"),
        ("app_workers", "many", f"is many; expected {WORKERS}; {SET}"),
        ("app_workers", 513, f"is 513; expected {WORKERS}; {SET}"),
        ("app_workers", True, f"is true; expected {WORKERS}; {SET}"),
        ("app_workers", 2.5, f"is 2.5; expected {WORKERS}; {SET}"),
        ("app_worker_memory_mb", -1, f"is -1; expected a number of MB from 16 to 1048576; {SET}"),
        ("app_health_timeout", 0, f"is 0; expected a number of seconds from 1 to 3600; {SET}"),
        ("app_releases_kept", -1, f"is -1; expected a number from 0 to 100; {SET}"),
        ("app_name", "Shop", f"is Shop; expected {NAME}; {SET}"),
        ("app_name", "a" * 32, f"is {'a' * 32}; expected {NAME}; {SET}"),
        ("app_domain", "shop_1.example", f"is shop_1.example; expected {DOMAIN}; {SET}"),
        ("app_domain", "www.*.example", f"is www.*.example; expected {DOMAIN}; {SET}"),
        ("app_domain", "*.com", f"is *.com; expected {DOMAIN}; {SET}"),
        ("app_domain", "192.0.2.300", f"is 192.0.2.300; expected {DOMAIN}; {SET}"),
        ("app_domain", "fe80::1%eth0", f"is fe80::1%eth0; expected {DOMAIN}; {SET}"),
        ("app_domain", "https://a.example", f"is https://a.example; expected {DOMAIN}; {SET}"),
        ("app_domain", "-a.example", f"is -a.example; expected {DOMAIN}; {SET}"),
        ("app_domain", ["a.example", 7], f"is 7; expected {DOMAIN}; {SET}"),
        (
            "app_domain",
            ["a.example", "A.example"],
            "is a.example twice; expected each name once; remove one",
        ),
        (
            "app_domain",
            [],
            f"is empty; expected a DNS name such as www.example.com, or a list of them; {SET}",
        ),
        (
            "app_domain",
            "bücher.example",
            "is bücher.example; expected an international name in its ASCII form, "
            "xn--bcher-kva.example; write xn--bcher-kva.example in group_vars/app.yml",
        ),
        ("app_module", "main", f"is main; expected {MODULE}; write app_module: main:app"),
        ("app_health_path", "healthz", f"is healthz; expected {URL_PATH}; {SET}"),
        ("app_health_path", "/up?x=1", f"is /up?x=1; expected {URL_PATH}; {SET}"),
        ("app_root_path", "/api/", f"is /api/; expected {PREFIX}; {SET}"),
        ("app_root_path", "api", f"is api; expected {PREFIX}; {SET}"),
        (
            "app_python",
            3.1,
            "is the number 3.1; expected a quoted version, since YAML reads 3.10 as the number "
            '3.1; write it as app_python: "3.13" in group_vars/app.yml',
        ),
        (
            "app_python",
            "python3",
            f'is python3; expected empty or a version from 3.10 on, such as "3.13"; {SET}',
        ),
        (
            "fleet_on_failure",
            "revert",
            f"is revert; expected revert_all, revert_wave or stop; {SET}",
        ),
        ("fleet_max_error_ratio", 1, f"is 1; expected {SHARE}; {SET}"),
        ("fleet_max_error_ratio", "100%", f"is 100%; expected {SHARE}; {SET}"),
        ("fleet_max_error_ratio", -0.1, f"is -0.1; expected {SHARE}; {SET}"),
        ("fleet_max_error_ratio", True, f"is true; expected {SHARE}; {SET}"),
        ("fleet_max_error_ratio", "few", f"is few; expected {SHARE}; {SET}"),
        ("fleet_max_error_ratio", float("nan"), f"is NaN; expected {SHARE}; {SET}"),
        (
            "fleet_max_p99_ms",
            0,
            f"is 0; expected a number of milliseconds from 1 to 3600000; {SET}",
        ),
        ("fleet_min_requests", 0, f"is 0; expected a number from 1 to 1000000; {SET}"),
        ("fleet_canary_percent", 0, f"is 0; expected a number from 1 to 99; {SET}"),
        ("fleet_canary_percent", "5%", f"is 5%; expected a number from 1 to 99; {SET}"),
        ("fleet_sticky_sessions", "web1", f"is web1; expected true or false; {SET}"),
        ("fleet_patch_batch", "all", f"is all; expected {WAVE}; {SET}"),
        (
            "fleet_address",
            "10.0.0.0/24",
            f"is 10.0.0.0/24; expected an IP address such as 10.0.0.11, or a DNS name; {SET}",
        ),
        ("fleet_waves", [1, 0], f"[1] is 0; expected {WAVE}; {SET}"),
        ("fleet_waves", ["120%"], f"[0] is 120%; expected {WAVE}; {SET}"),
        (
            "fleet_waves",
            [],
            f'is empty; expected at least one wave, such as [1, "25%", "100%"]; {SET}',
        ),
        (
            "fleet_extra_variables",
            ["colour"],
            f"is colour; expected names or patterns such as app_colour or app_shop_*; {SET}",
        ),
        (
            "app_hooks",
            {"before_rollout": ["alembic\0 upgrade"]},
            ".before_rollout[0] is alembic  upgrade, which has the character U+0000; "
            "expected a command on one line, or {command: ..., timeout: seconds}; " + SET,
        ),
        (
            "app_hooks",
            {"before": []},
            ".before is not a phase; expected before_rollout, before_activate, after_activate, "
            "after_rollout; rename it",
        ),
        (
            "app_hooks",
            {"after_rollout": "notify"},
            f".after_rollout is notify; expected a list of commands; {SET}",
        ),
        (
            "app_hooks",
            {"after_rollout": [{"command": "notify", "timeout": 0}]},
            ".after_rollout[0].timeout is 0; expected a number of seconds from 1 to 86400; " + SET,
        ),
        (
            "app_hooks",
            {"after_rollout": [{"command": "notify", "retries": 2}]},
            ".after_rollout[0].retries is not a key; expected command and timeout; remove it",
        ),
        (
            "app_hooks",
            {"after_rollout": [""]},
            ".after_rollout[0] is empty; expected a command on one line, "
            f"or {{command: ..., timeout: seconds}}; {SET}",
        ),
        (
            "app_hooks",
            {"after_rollout": ["notify\n"]},
            ".after_rollout[0] is notify ; expected a command on one line, or {command: ..., "
            "timeout: seconds}; write it on one line, or behind >- instead of | or >",
        ),
    ],
)
def test_check_refuses(name: str, value: object, rest: str) -> None:
    separator = "" if rest[0] in ".[" else " "
    assert lines(**{name: value}) == [f"{name}{separator}{rest}"]


@pytest.mark.parametrize("name", ["nginx", "haproxy", "uv", "asgi-fleet", "ufw", "access"])
def test_name_that_the_roles_use_is_refused(name: str) -> None:
    assert lines(app_name=name) == [
        f"app_name is {name}; expected a name that asgi.fleet does not use itself on a host; "
        "choose another name"
    ]


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        (
            {"A-B": "x"},
            ".A-B is not a name for an environment variable; "
            "expected letters, digits and _, not a digit first; rename it",
        ),
        (
            {"FLEET_SLOT": "x"},
            ".FLEET_SLOT is reserved; expected a name without FLEET_, "
            "which asgi.fleet sets itself; rename it",
        ),
        (
            {"BLOB": "s3cret\0s3cret"},
            ".BLOB is text with a NUL; expected text without one, since a process's environment "
            "cannot hold it; encode it, for example with base64",
        ),
        (
            {"DEBUG": True},
            ".DEBUG is a boolean, of which YAML does not keep the text; "
            "expected a text in quotes, or a plain whole number; write quotes around it",
        ),
        ("s3cret", " is a text; expected a mapping of names to values; ADVICE"),
    ],
)
@pytest.mark.parametrize(
    ("name", "advice"),
    [("app_env", SET), ("app_secrets", "set it in a file that ansible-vault encrypts")],
)
def test_environment_is_refused_without_its_values(
    name: str, advice: str, content: object, rest: str
) -> None:
    assert lines(**{name: content}) == [f"{name}{rest.replace('ADVICE', advice)}"]


def test_name_in_both_environments_is_refused() -> None:
    both = {"TOKEN": "s3cret"}
    assert lines(app_env=both, app_secrets=both) == [
        "app_secrets.TOKEN is set in app_env too; expected each name once; remove one"
    ]


def test_near_miss_is_refused_with_the_name_that_was_meant() -> None:
    assert lines(app_worker=4) == [
        "app_worker is not a variable of asgi.fleet; did you mean app_workers? rename it, "
        "or list it in fleet_extra_variables if it is your own"
    ]


def test_unknown_variable_is_refused_unless_it_is_listed() -> None:
    assert lines(app_colour="red") == [
        "app_colour is not a variable of asgi.fleet; remove it, "
        "or list it in fleet_extra_variables if it is your own"
    ]
    accepted(app_colour="red", fleet_extra_variables=["app_colour"])
    accepted(app_shop_a=1, fleet_shop=2, fleet_extra_variables=["app_shop_*", "fleet_shop"])


def test_other_prefixes_are_nobodys_business() -> None:
    accepted(application_name="x", nginx_site_domains=["x"], appworkers=0)


def test_all_problems_of_a_host_are_shown_at_once() -> None:
    found = lines(app_workers=0, app_module="main", app_health_path="up", app_worker=1)
    assert [line.split()[0] for line in found] == [
        "app_module",
        "app_health_path",
        "app_workers",
        "app_worker",
    ]


def test_seen_value_is_short_and_on_one_line() -> None:
    [line] = lines(app_module="x\n" * 100)
    shown = line.removeprefix("app_module is ").split(";")[0]
    assert len(shown) == 60
    assert shown.endswith("...")


@pytest.mark.parametrize("variable", SPEC, ids=lambda variable: variable.name)
def test_documented_example_is_accepted(variable: Variable) -> None:
    # A mount needs a path of its own.
    beside = {"app_root_path": "/api"} if variable.name == "app_mount_of" else {}
    accepted(**{variable.name: yaml.safe_load(variable.example)}, **beside)


# What crosses hosts

BLOG: dict[str, Any] = {"app_name": "blog", "app_source": GIT, "app_domain": "blog.example.com"}
ONE_MACHINE = {"ansible_host": "192.0.2.1"}


def fleet(**hosts: dict[str, Any]) -> dict[str, Examination]:
    return {host: examine(host_vars, host=host) for host, host_vars in hosts.items()}


def fleet_lines(**hosts: dict[str, Any]) -> list[str]:
    found = judge(fleet(**hosts))
    assert found, "accepted"
    return [problem.line(len(hosts)) for problem in found]


def test_fleet_returns_every_hosts_deployment() -> None:
    hosts = fleet(web1=GOOD, web2=GOOD | {"app_workers": "2"})
    assert judge(hosts) == []
    assert hosts["web1"].deployment["app_workers"] == "auto"
    assert hosts["web2"].deployment["app_workers"] == 2


def test_fleet_accepts_two_applications_on_one_machine() -> None:
    assert judge(fleet(shop1=GOOD | ONE_MACHINE, blog1=BLOG | ONE_MACHINE)) == []


def test_fleet_shows_a_shared_problem_once_with_its_hosts() -> None:
    bad = GOOD | {"app_workers": 0}
    assert fleet_lines(web1=bad, web2=GOOD, web3=bad) == [
        "web1, web3: app_workers is 0; expected auto or a number from 1 to 512; "
        "set it in group_vars/app.yml"
    ]


def test_fleet_refuses_one_name_twice_on_one_machine() -> None:
    assert fleet_lines(web1=GOOD | ONE_MACHINE, web2=GOOD | ONE_MACHINE) == [
        "web1, web2: app_name is shop on both web1 and web2, which are one machine "
        "(192.0.2.1:22); expected another name for each application there; "
        "change it on one of them, or remove that host"
    ]


def test_fleet_tells_machines_behind_one_address_apart_by_port() -> None:
    other_port = GOOD | ONE_MACHINE | {"ansible_port": 2201}
    assert judge(fleet(web1=other_port, web2=GOOD | ONE_MACHINE)) == []


@pytest.mark.parametrize("of_the_first", [{}, {"ansible_ssh_extra_args": "-J berlin"}])
def test_fleet_refuses_one_address_behind_different_jump_hosts(
    of_the_first: dict[str, str],
) -> None:
    inner = GOOD | ONE_MACHINE
    paris = inner | {"ansible_ssh_common_args": "-C -o ProxyJump=paris"}
    [line] = fleet_lines(web1=inner | of_the_first, web2=paris)
    way = "berlin" if of_the_first else "directly"
    assert line.startswith(
        "web1, web2: ansible_host is 192.0.2.1:22 on both web1 and web2, which lead there by "
        f"different ways ({way}; paris); expected an address for each machine"
    )
    assert "set ansible_host to that Host" in line
    # One jump host for two applications of one machine is as good as none.
    blog = BLOG | ONE_MACHINE | {"ansible_ssh_common_args": "-J paris"}
    assert judge(fleet(shop1=paris, blog1=blog)) == []


def test_fleet_refuses_one_address_for_the_metrics_of_two_machines() -> None:
    listen = {"enabled": True, "listen": "10.0.0.7:9464", "allow": ["10.0.0.0/24"]}
    told = GOOD | {"app_metrics": listen}
    [line] = fleet_lines(web1=told, web2=told)
    assert line.startswith("web1, web2: app_metrics.listen is 10.0.0.7:9464 on web2, and web1")
    # It may be there twice, in two networks.
    assert judge(fleet(web1=told, web2=told | {"ansible_ssh_extra_args": "-J berlin"})) == []


def test_fleet_refuses_one_domain_for_two_applications_of_a_machine() -> None:
    blog = BLOG | {"app_domain": ["blog.example.com", "www.example.com"]}
    assert fleet_lines(shop1=GOOD | ONE_MACHINE, blog1=blog | ONE_MACHINE) == [
        "shop1, blog1: app_domain is www.example.com on both shop1 and blog1, which are one "
        "machine (192.0.2.1:22); expected another domain for each application there; "
        "change it on one of them, or remove that host"
    ]


def test_fleet_refuses_one_name_with_two_sources() -> None:
    other = GOOD | {"app_source": GIT | {"version": "v2"}}
    assert fleet_lines(web1=GOOD, web2=GOOD, web3=other, web4=other) == [
        "web1, web3: app_source is different on web1 and web3, which both deploy shop; "
        "expected one application for each app_name; "
        "give them different names, or set the same value for both"
    ]


def test_fleet_refuses_one_name_with_two_modules() -> None:
    found = fleet_lines(web1=GOOD, web2=GOOD | {"app_module": "shop.main:app"})
    assert [line.split(";")[0] for line in found] == [
        "web1, web2: app_module is different on web1 and web2, which both deploy shop"
    ]


def test_report_has_a_line_for_each_problem() -> None:
    problems = [Problem("a", "a is 1", ("web1",)), Problem("b", "b is 2", ("web1", "web2"))]
    assert report(problems, 2) == (
        "2 problems in the variables; no host was touched:\n"
        "  - web1: a is 1\n"
        "  - web1, web2: b is 2"
    )
