"""A playbook is called again with all that the operator has given."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.nested import (
    command,
    environment,
    reason,
)

PLAYBOOK = Path("/srv/fleet/playbooks/release.yml")


def test_options_are_passed_on_and_our_variables_come_last() -> None:
    options = {
        "inventory": ("inventory/staging", "inventory/more"),
        "subset": "web*",
        "vault_ids": ["staging@key"],
        "vault_password_files": [],
        "become_password_file": None,
        "ssh_common_args": "-o ProxyJump=bastion",
        "forks": 20,
        "timeout": None,
        "extra_vars": ("drill=shop", "@more.yml"),
        "tags": ("all",),
    }
    words = command(PLAYBOOK, options, {"fleet_notify": []})
    assert words[:5] == [sys.executable, "-m", "ansible", "playbook", str(PLAYBOOK)]
    assert words[5:-1] == [
        *("--inventory=inventory/staging", "--inventory=inventory/more", "--limit=web*"),
        *("--vault-id=staging@key", "--ssh-common-args=-o ProxyJump=bastion", "--forks=20"),
        *("--extra-vars=drill=shop", "--extra-vars=@more.yml"),
    ]
    assert json.loads(words[-1].removeprefix("--extra-vars=")) == {"fleet_notify": []}


def test_its_output_is_plain_and_it_ends_in_an_orderly_way_when_interrupted() -> None:
    made = environment({"PATH": "/bin", "ANSIBLE_STDOUT_CALLBACK": "json"})
    assert made["PATH"] == "/bin"
    assert made["ANSIBLE_STDOUT_CALLBACK"] == "asgi.fleet.rollout"


def test_the_end_of_its_output_is_the_reason() -> None:
    output = "\n".join(["first", *map(str, range(10)), "", "last", ""])
    assert reason(output).splitlines()[-1] == "last"
    assert "first" not in reason(output)
