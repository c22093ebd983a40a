"""`playbooks/bootstrap.yml` as a person runs it, against hosts that nothing can reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKz5tA0iyKLJPW7wfLhp5Pmm7wCIZ0QxX3mZcAAgQkjE ada"


def run(folder: Path, groups: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump(groups))
    return subprocess.run(
        [BIN / "ansible-playbook", "playbooks/bootstrap.yml", "-i", inventory, *arguments],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "HOME": str(folder), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def hosts(**by_name: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"ansible_host": f"203.0.113.{number}", **variables}
        for number, (name, variables) in enumerate(by_name.items(), 1)
    }


def test_mistakes_of_all_hosts_are_told_at_once_and_no_host_is_contacted(tmp_path: Path) -> None:
    groups = {
        "app": {"hosts": hosts(web1={"bootstrap_user": "root"}, web2={"bootstrap_user": "root"})},
        "balancer": {"hosts": {"lb1": {"bootstrap_keys": ["nowhere"], "bootstrap_user": "ops"}}},
    }
    result = run(tmp_path, groups, "-e", '{"bootstrap_close_root": "maybe"}')
    output = result.stdout + result.stderr
    assert result.returncode != 0
    for line in (
        "4 problems in the variables; no host was touched:",
        "  - web1, web2: bootstrap_user is root; expected an account of its own",
        "  - lb1: bootstrap_keys[0] is nowhere, which cannot be read",
        "  - web1, web2, lb1: bootstrap_close_root is maybe; expected true or false",
        "  - web1, web2: bootstrap_keys is not set, and",
    ):
        assert line in output
    assert "UNREACHABLE" not in output
    assert "Find out who can log in" not in output


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({"other": {"hosts": hosts(web1={})}}, "the groups app and balancer are empty"),
        ({"app": {"hosts": {}}}, "the groups app and balancer are empty"),
    ],
)
def test_inventory_without_a_fleet_is_refused(
    tmp_path: Path, groups: dict[str, Any], told: str
) -> None:
    result = run(tmp_path, groups)
    assert result.returncode != 0
    assert told in result.stdout + result.stderr


def test_other_hosts_are_those_of_the_command_line(tmp_path: Path) -> None:
    groups = {"other": {"hosts": hosts(web1={"bootstrap_user": "root"})}}
    result = run(tmp_path, groups, "-e", "bootstrap_hosts=other")
    assert "bootstrap_user is root; expected an account of its own" in result.stdout


def test_host_that_does_not_answer_is_told_in_one_sentence(tmp_path: Path) -> None:
    groups = {
        "app": {
            "hosts": {"here": {"ansible_host": "127.0.0.1", "ansible_port": 9}},
            "vars": {"bootstrap_keys": [KEY]},
        }
    }
    result = run(tmp_path, groups, "-e", "ansible_ssh_retries=0")
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert "here ([127.0.0.1]:9) was not reached as root: " in output
    assert "Connection refused" in output
