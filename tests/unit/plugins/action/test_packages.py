"""What the action plugin adds to apt: what it asks the host first, and what it tells apt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action.packages import ActionModule

UNKNOWN = {"failed": True, "msg": "No package matching 'nginx' is available"}
INSTALLED = {"changed": True, "stdout": "Setting up nginx"}
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))


class Host(ActionModule):
    """An action whose host answers as a test wants, and notes what it was asked."""

    ready: dict[str, Any]
    answer: dict[str, Any]
    asked: list[dict[str, Any]]

    def _execute_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        assert task_vars == {"inventory_hostname": "web1"}
        if module_name == "asgi.fleet.packages":
            assert not self._task.environment
            return self.ready
        assert module_name == "ansible.builtin.apt"
        self.asked.append({**module_args, "environment": self._task.environment})
        return dict(self.answer)


def run(
    answer: dict[str, Any] | None = None,
    *,
    ready: dict[str, Any] | None = None,
    check_mode: bool = False,
    **args: object,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.packages", "check_mode": check_mode})
    task.args = args or {"name": ["nginx"]}
    action = Host(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=check_mode, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    action.ready = {"changed": False, "missing": ["nginx"], "has_lists": True, **(ready or {})}
    action.answer, action.asked = answer or INSTALLED, []
    return dict(action.run(task_vars={"inventory_hostname": "web1"})), action.asked


def test_packages_are_installed_as_the_collection_installs_all() -> None:
    result, asked = run(name="nginx", policy_rc_d=101)
    assert result["changed"] is True
    (told,) = asked
    (environment,) = told.pop("environment")
    assert environment["NEEDRESTART_SUSPEND"]
    assert told == {
        "name": ["nginx"],
        "state": "present",
        "policy_rc_d": 101,
        "install_recommends": False,
        "update_cache": False,
        "lock_timeout": 300,
    }


def test_what_is_installed_does_not_ask_apt() -> None:
    result, asked = run(ready={"missing": []})
    assert result["changed"] is False
    assert asked == []


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("latest", {"name": ["nginx"], "state": "latest"}),
        ("newer", {"name": ["nginx"], "state": "latest", "only_upgrade": True}),
        ("upgraded", {"upgrade": "safe", "force_apt_get": True}),
    ],
)
def test_upgrades_ask_apt_even_if_nothing_is_missing(state: str, told: dict[str, Any]) -> None:
    names = [] if state == "upgraded" else ["nginx"]
    _, asked = run(ready={"missing": []}, name=names, state=state)
    assert {**asked[0], **told} == asked[0]
    assert ("name" in asked[0]) == bool(names)


def test_host_that_cannot_use_apt_is_refused_before_it() -> None:
    result, asked = run(ready={"failed": True, "msg": "apt on this host is in use"})
    assert (result["failed"], result["msg"]) == (True, "apt on this host is in use")
    assert asked == []


def test_warnings_and_whom_it_waited_for_reach_the_operator() -> None:
    result, _ = run(ready={"warnings": ["a source was passed over"], "waited_for": "apt-get (1)"})
    assert result["warnings"] == ["a source was passed over"]
    assert result["waited_for"] == "apt-get (1)"


def test_host_without_lists_reports_a_change_in_check_mode() -> None:
    result, _ = run(UNKNOWN, ready={"has_lists": False}, check_mode=True)
    assert result["changed"] is True
    assert not result.get("failed")
    assert result["msg"].startswith("the host has no package lists yet")


@pytest.mark.parametrize("check_mode", [True, False])
def test_package_that_the_lists_do_not_have_is_refused(*, check_mode: bool) -> None:
    result, _ = run(UNKNOWN, check_mode=check_mode)
    assert (result["failed"], result["msg"]) == (True, UNKNOWN["msg"])


def test_variable_that_names_it_is_told() -> None:
    unknown = {"failed": True, "msg": "No package matching 'libpq55' is available"}
    result, asked = run(unknown, name=["libpq55"], variable="app_system_packages")
    assert result["failed"] is True
    assert result["msg"].startswith(
        "app_system_packages contains libpq55, which apt on this host does not know; expected "
    )
    assert "variable" not in asked[0]


def test_another_failure_is_apts_own() -> None:
    result, _ = run({"failed": True, "msg": "Could not get lock"}, name="a", variable="app_x")
    assert (result["failed"], result["msg"]) == (True, "Could not get lock")


def test_host_without_python3_apt_reports_a_change_in_check_mode() -> None:
    lacking = {
        "failed": True,
        "msg": "python3-apt must be installed to use check mode. If run normally this module can "
        "auto-install it.",
    }
    result, _ = run(lacking, check_mode=True)
    assert (result["changed"], result.get("failed")) == (True, None)
    assert result["msg"].startswith("the host has no python3-apt yet")
    assert run(lacking)[0]["failed"] is True


def test_host_without_a_network_is_told_the_packages_in_one_line() -> None:
    answer = {
        "failed": True,
        "msg": "'/usr/bin/apt-get -y' failed: E: Failed to fetch http://deb.example.com/n.deb",
        "stderr": "E: Failed to fetch http://deb.example.com/n.deb  Cannot initiate the connection "
        "to deb.example.com:80 (192.0.2.80). - connect (101: Network is unreachable)\nE: Unable",
    }
    result, _ = run(answer, ready={"missing": ["nginx", "ufw"]}, name=["curl", "nginx", "ufw"])
    assert result["failed"] is True
    assert result["msg"] == (
        "this host lacks Debian packages, and apt does not reach where they are (Cannot initiate "
        "the connection to deb.example.com:80 (192.0.2.80). - connect (101: Network is "
        "unreachable)); let it (host_baseline_apt_proxy names a proxy, /etc/apt/sources.list a "
        "mirror that it reaches), or bring them to the host, as a part of its image or by "
        "`apt-get install ./*.deb`: nginx ufw; then run the same command again"
    )
    assert "stderr" not in result
