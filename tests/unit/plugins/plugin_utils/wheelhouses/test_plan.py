"""Which builder makes the wheels for which hosts, and what is refused."""

from __future__ import annotations

from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.plan import (
    wheelhouse_builders,
    wheelhouse_plan,
)

OLD, NEW = "x86_64, glibc 2.36, Python 3.11", "x86_64, glibc 2.41, Python 3.13"
BUILDERS = {"b1": {"platform": OLD, "missing": ["uv"]}, "b2": {"platform": NEW, "missing": []}}


def look(platform: str = NEW, **changed: object) -> dict[str, Any]:
    told = {"name": "shop", "id": "1", "python": "", "builders": ["b1", "b2"], "missing": []}
    return {**told, "platform": platform, "interpreter": True, "manifest": {}, **changed}


THERE = {"name": "shop", "id": "1", "builders": ["b1"], "manifest": {"id": "1"}}


def test_nobody_is_asked_for_what_every_host_has() -> None:
    assert wheelhouse_builders({"web1": THERE}) == []
    assert wheelhouse_plan({"web1": THERE}, {}) == {"makers": {}, "problem": ""}


def test_first_host_of_each_platform_has_the_wheels_made() -> None:
    looks = {
        "web1": THERE,
        "web2": look(),
        "web3": look(missing=["uv"]),
        "web4": look(OLD),
        "web5": look(id="2"),
    }
    assert wheelhouse_builders(looks) == ["b1", "b2"]
    assert wheelhouse_plan(looks, BUILDERS)["makers"] == {
        "web2": {"builder": "b2", "missing": [], "uv": True},
        "web4": {"builder": "b1", "missing": ["uv"], "uv": False},
        "web5": {"builder": "b2", "missing": [], "uv": False},
    }


def test_builder_makes_wheels_for_the_interpreter_that_a_host_names() -> None:
    looks = {
        "web1": look("x86_64, glibc 2.41, Python 3.12", python="3.12"),
        "web2": look(name="mail"),
    }
    makers = wheelhouse_plan(looks, BUILDERS)["makers"]
    assert {host: maker["builder"] for host, maker in makers.items()} == {
        "web1": "b2",
        "web2": "b2",
    }


def test_platform_without_a_builder_is_refused_with_its_hosts_and_what_there_is() -> None:
    arm = "aarch64, glibc 2.41, Python 3.13"
    builders: dict[str, Any] = {**BUILDERS, "b2": {"unreachable": True}}
    looks = {"web1": look(arm), "web2": look(arm), "web3": look(OLD)}
    assert wheelhouse_plan(looks, builders)["problem"] == (
        f"no builder for {arm} (web1, web2): python_release_builders has b1 {OLD}, b2 does not "
        "answer; add a host of that platform that reaches a package index"
    )


def test_interpreter_that_a_host_lacks_is_refused() -> None:
    looks = {"web1": look(OLD, python="3.12", interpreter=False)}
    problem = wheelhouse_plan(looks, BUILDERS)["problem"]
    assert problem.startswith("app_python is 3.12, which web1 does not have")
