"""What the action plugin adds to apt: its options, and a host that has no package lists yet."""

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
MISSING = {"changed": True}
PRESENT = {"changed": False}
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))


class Host(ActionModule):
    """An action whose host answers as a test wants, and notes what it was asked."""

    answers: list[dict[str, Any]]
    lists: int
    asked: list[dict[str, Any]]

    def _execute_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        assert task_vars == {"inventory_hostname": "web1"}
        if module_name == "ansible.builtin.find":
            return {"changed": False, "matched": self.lists}
        assert module_name == "ansible.builtin.apt"
        self.asked.append({**module_args, "check_mode": self._task.check_mode})
        return self.answers.pop(0)


def run(
    *answers: dict[str, Any], lists: int = 1, check_mode: bool = False, **args: object
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
    action.answers, action.lists, action.asked = list(answers), lists, []
    return dict(action.run(task_vars={"inventory_hostname": "web1"})), action.asked


def test_packages_are_installed_as_the_collection_installs_all() -> None:
    result, asked = run(MISSING, INSTALLED, name="nginx", policy_rc_d=101)
    assert result["changed"] is True
    common = {
        "name": ["nginx"],
        "state": "present",
        "policy_rc_d": 101,
        "install_recommends": False,
        "lock_timeout": 300,
    }
    assert asked == [
        {**common, "update_cache": False, "check_mode": True},
        {**common, "update_cache": True, "cache_valid_time": 3600, "check_mode": False},
    ]


def test_what_is_installed_asks_no_mirror() -> None:
    result, asked = run(PRESENT)
    assert result["changed"] is False
    assert [arguments["update_cache"] for arguments in asked] == [False]


def test_policy_is_apts_own_unless_given() -> None:
    _, asked = run(INSTALLED, name=["a", "b"], state="latest")
    assert (asked[0]["name"], asked[0]["state"]) == (["a", "b"], "latest")
    assert "policy_rc_d" not in asked[0]


def test_host_without_lists_fetches_them() -> None:
    result, asked = run(UNKNOWN, UNKNOWN, INSTALLED, lists=0)
    assert result["changed"] is True
    assert not result.get("failed")
    assert [arguments["cache_valid_time"] for arguments in asked[1:]] == [3600, 0]
    assert not any(arguments["check_mode"] for arguments in asked[1:])


def test_host_without_lists_reports_a_change_in_check_mode() -> None:
    result, asked = run(UNKNOWN, UNKNOWN, lists=0, check_mode=True)
    assert result["changed"] is True
    assert not result.get("failed")
    assert result["msg"].startswith("the host has no package lists yet")
    assert all(arguments["check_mode"] for arguments in asked)
    assert len(asked) == 2


@pytest.mark.parametrize("check_mode", [True, False])
def test_package_that_the_lists_do_not_have_is_refused(*, check_mode: bool) -> None:
    result, asked = run(UNKNOWN, UNKNOWN, lists=4, check_mode=check_mode)
    assert (result["failed"], result["msg"]) == (True, UNKNOWN["msg"])
    assert len(asked) == 2


def test_variable_that_names_it_is_told() -> None:
    unknown = {"failed": True, "msg": "No package matching 'libpq55' is available"}
    result, asked = run(unknown, unknown, name=["libpq55"], variable="app_system_packages")
    assert result["failed"] is True
    assert result["msg"].startswith(
        "app_system_packages contains libpq55, which apt on this host does not know; expected "
    )
    assert "variable" not in asked[0]


def test_another_failure_is_apts_own() -> None:
    locked = {"failed": True, "msg": "Could not get lock"}
    result, _ = run(locked, locked, lists=0, check_mode=True, name="a", variable="app_x")
    assert (result["failed"], result["msg"]) == (True, "Could not get lock")
