"""What crosses hosts, and how problems of many hosts become few lines."""

from __future__ import annotations

from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    check_fleet,
    report,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Problem

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
SHOP: dict[str, Any] = {"app_name": "shop", "app_source": GIT, "app_domain": "www.example.com"}
BLOG: dict[str, Any] = {"app_name": "blog", "app_source": GIT, "app_domain": "blog.example.com"}
ONE_MACHINE = {"ansible_host": "192.0.2.1"}


def lines(**hosts: dict[str, Any]) -> list[str]:
    found = check_fleet(hosts)
    assert isinstance(found, list), "accepted"
    return [problem.line(len(hosts)) for problem in found]


def test_fleet_returns_every_hosts_deployment() -> None:
    found = check_fleet({"web1": SHOP, "web2": SHOP | {"app_workers": "2"}})
    assert isinstance(found, dict)
    assert found["web1"]["app_workers"] == "auto"
    assert found["web2"]["app_workers"] == 2


def test_fleet_accepts_two_applications_on_one_machine() -> None:
    found = check_fleet({"shop1": SHOP | ONE_MACHINE, "blog1": BLOG | ONE_MACHINE})
    assert isinstance(found, dict)


def test_fleet_shows_a_shared_problem_once_with_its_hosts() -> None:
    bad = SHOP | {"app_workers": 0}
    assert lines(web1=bad, web2=SHOP, web3=bad) == [
        "web1, web3: app_workers is 0; expected auto or a number from 1 to 512; "
        "set it in group_vars/app.yml"
    ]


def test_fleet_refuses_one_name_twice_on_one_machine() -> None:
    assert lines(web1=SHOP | ONE_MACHINE, web2=SHOP | ONE_MACHINE) == [
        "web1, web2: app_name is shop on both web1 and web2, which are one machine "
        "(192.0.2.1:22); expected another name for each application there; "
        "change it on one of them, or remove that host"
    ]


def test_fleet_tells_machines_behind_one_address_apart_by_port() -> None:
    found = check_fleet(
        {"web1": SHOP | ONE_MACHINE | {"ansible_port": 2201}, "web2": SHOP | ONE_MACHINE}
    )
    assert isinstance(found, dict)


def test_fleet_refuses_one_domain_for_two_applications_of_a_machine() -> None:
    blog = BLOG | {"app_domain": ["blog.example.com", "www.example.com"]}
    assert lines(shop1=SHOP | ONE_MACHINE, blog1=blog | ONE_MACHINE) == [
        "shop1, blog1: app_domain is www.example.com on both shop1 and blog1, which are one "
        "machine (192.0.2.1:22); expected another domain for each application there; "
        "change it on one of them, or remove that host"
    ]


def test_fleet_refuses_one_name_with_two_sources() -> None:
    other = SHOP | {"app_source": GIT | {"version": "v2"}}
    assert lines(web1=SHOP, web2=SHOP, web3=other, web4=other) == [
        "web1, web3: app_source is different on web1 and web3, which both deploy shop; "
        "expected one application for each app_name; "
        "give them different names, or set the same value for both"
    ]


def test_fleet_refuses_one_name_with_two_modules() -> None:
    found = lines(web1=SHOP, web2=SHOP | {"app_module": "shop.main:app"})
    assert [line.split(";")[0] for line in found] == [
        "web1, web2: app_module is different on web1 and web2, which both deploy shop"
    ]


def test_line_names_a_few_of_many_hosts() -> None:
    hosts = tuple(f"web{number}" for number in range(1, 9))
    problem = Problem("app_workers", "app_workers is 0", hosts)
    assert problem.line(9) == "web1, web2, web3, web4, web5 and 3 more: app_workers is 0"
    assert problem.line(8) == "all 8 hosts: app_workers is 0"


def test_report_has_a_line_for_each_problem() -> None:
    problems = [Problem("a", "a is 1", ("web1",)), Problem("b", "b is 2", ("web1", "web2"))]
    assert report(problems, 2) == (
        "2 problems in the variables; no host was touched:\n"
        "  - web1: a is 1\n"
        "  - web1, web2: b is 2"
    )
