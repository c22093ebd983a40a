"""What holds for every playbook: which parts of roles it uses, and where it runs modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.role_variables import role_options
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.wiring import (
    DERIVED,
    DERIVED_BALANCER,
    OF_THE_RUN,
)

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))
ROLE_TASKS = sorted((ROOT / "roles").glob("*/tasks/**/*.yml"))
IMPORTS = ("import_role", "include_role")


def tasks(content: object) -> Iterator[dict[str, Any]]:
    """Yield every mapping that may be a play, a block or a task, within whatever it is."""
    if isinstance(content, list):
        for item in content:
            yield from tasks(item)
    elif isinstance(content, dict):
        yield content
        for value in content.values():
            if isinstance(value, list):
                yield from tasks(value)


def load(path: Path) -> object:
    """Return a file; nothing of one that is not YAML, which fails a test of its own."""
    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError:
        return None


ALL_TASKS = [(path, task) for path in PLAYBOOKS for task in tasks(load(path))]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_playbook_is_a_list_of_tasks(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    assert isinstance(content, dict if path.parent.name == "group_vars" else list)


def entry_points() -> list[tuple[str, str]]:
    """Return each entry point of a role that a playbook uses; `main` is one as well."""
    used = [
        (task[module]["name"].removeprefix("asgi.fleet."), task[module].get("tasks_from", "main"))
        for _, task in ALL_TASKS
        for name in IMPORTS
        for module in (name, f"ansible.builtin.{name}")
        if module in task
    ]
    return sorted(set(used))


def test_playbooks_use_entry_points() -> None:
    assert ("gunicorn_service", "activate") in entry_points()
    assert ("tls_certificate", "main") in entry_points()


@pytest.mark.parametrize(("role", "entry"), entry_points())
def test_entry_point_that_a_playbook_uses_has_a_specification_of_its_own(
    role: str, entry: str
) -> None:
    folder = ROOT / "roles" / role
    assert (folder / "tasks" / f"{entry}.yml").is_file()
    specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    assert entry in specs


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_playbook_runs_no_module_of_the_collection_on_the_controller(path: Path) -> None:
    """What runs there by nature is an action plugin, and needs no connection to this machine."""
    of_file = [task for at, task in ALL_TASKS if at == path]
    local = [task for task in of_file if task.get("connection") == "local"]
    found = [
        (task.get("name"), key)
        for task in local
        if task.get("delegate_to") == "localhost" or task.get("hosts") == "localhost"
        for inner in tasks(task)
        for key in inner
        if key.startswith("asgi.fleet.")
    ]
    assert found == []


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_playbook_delegates_no_module_of_the_collection_to_localhost(path: Path) -> None:
    found = [
        (task.get("name"), key)
        for at, task in ALL_TASKS
        if at == path and task.get("delegate_to") == "localhost"
        for key in task
        if key.startswith("asgi.fleet.")
    ]
    assert found == []


#: The pair of each site of a balancer.
OF_A_BALANCER = {
    *("tls_certificate_directory", "tls_certificate_key_path", "tls_certificate_deploy_command"),
    *("tls_certificate_renewed_command", "tls_certificate_acme_account_host"),
}


def test_playbooks_replace_no_role_variable_of_an_inventory_in_silence() -> None:
    options = role_options(ROOT / "roles")
    given = {name for _, task in ALL_TASKS for name in task.get("vars") or {} if name in options}
    refused = DERIVED.keys() | DERIVED_BALANCER.keys() | OF_THE_RUN.keys()
    assert given - refused - OF_A_BALANCER == {"host_baseline_files"}
    assert OF_THE_RUN.keys() <= given
    # That one is combined with the inventory's.
    provision = (ROOT / "playbooks" / "provision.yml").read_text()
    assert "combine(hostvars[inventory_hostname].host_baseline_files | default({}))" in provision


@pytest.mark.parametrize("path", [*PLAYBOOKS, *ROLE_TASKS], ids=lambda p: str(p.relative_to(ROOT)))
def test_refusals_are_let_pass_by_the_module(path: Path) -> None:
    """With failed_when, Ansible hides why a module crashed (task_executor, `exception`)."""
    judged = [
        task.get("name")
        for task in tasks(load(path))
        if "is_refusal" in str(task.get("failed_when", ""))
    ]
    assert judged == [], "set fail_when_refused: false instead"
