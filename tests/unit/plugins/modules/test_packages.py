"""The module that makes apt ready: only where a package is missing, and never in check mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host import apt, apt_sources
from ansible_collections.asgi.fleet.plugins.modules import packages

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of a host that has nginx."""
    made: list[Any] = []

    def wait_until_free(seconds: float) -> str:
        made.append(("wait", seconds))
        return "apt-get (pid 8) holds /var/lib/dpkg/lock"

    def refresh(names: list[str], *, valid: float) -> list[str]:
        made.append(("refresh", names, valid))
        return ["a package source of this host was passed over: x"]

    monkeypatch.setattr(apt, "installed_packages", lambda: "installed\tnginx\tamd64\t1\t\n")
    monkeypatch.setattr(apt, "wait_until_free", wait_until_free)
    monkeypatch.setattr(apt_sources, "refresh", refresh)
    monkeypatch.setattr(apt_sources, "has_lists", lambda: True)
    return made


def test_what_is_installed_needs_neither_apt_nor_a_mirror(
    run_module: Run, calls: list[Any]
) -> None:
    answer = run_module(packages, name=["nginx"])
    assert (answer["missing"], answer["changed"], calls) == ([], False, [])


def test_missing_package_waits_for_others_and_refreshes(
    run_module: Run, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(Module, "warn", lambda _self, text: warned.append(text))
    answer = run_module(packages, name=["nginx", "acl"])
    assert answer["missing"] == ["acl"]
    assert answer["waited_for"].startswith("apt-get (pid 8)")
    assert warned == ["a package source of this host was passed over: x"]
    assert calls == [("wait", 300), ("refresh", ["acl"], apt_sources.VALID_SECONDS)]


@pytest.mark.parametrize("state", ["latest", "newer", "upgraded"])
def test_upgrades_fetch_the_lists_anew(run_module: Run, calls: list[Any], state: str) -> None:
    run_module(packages, name=["nginx"], state=state)
    assert calls == [("wait", 300), ("refresh", [], 0)]


def test_check_mode_changes_nothing(run_module: Run, calls: list[Any]) -> None:
    answer = run_module(packages, name=["acl"], _ansible_check_mode=True)
    assert (answer["missing"], calls) == (["acl"], [])


def test_refusal_of_apt_is_the_answer(run_module: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> str:
        raise apt.AptError("apt on this host is in use")

    monkeypatch.setattr(apt, "installed_packages", busy)
    answer = run_module(packages, name=["acl"])
    assert (answer["failed"], answer["msg"]) == (True, "apt on this host is in use")
