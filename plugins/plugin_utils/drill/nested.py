"""How a playbook is called again, with what the operator has given."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: Options that are passed on as they are: of ansible-playbook, and in `context.CLIARGS`.
PASSED = {
    "inventory": "--inventory",
    "subset": "--limit",
    "vault_ids": "--vault-id",
    "vault_password_files": "--vault-password-file",
    "connection_password_file": "--connection-password-file",
    "become_password_file": "--become-password-file",
    "private_key_file": "--private-key",
    "remote_user": "--user",
    "connection": "--connection",
    "timeout": "--timeout",
    "ssh_common_args": "--ssh-common-args",
    "ssh_extra_args": "--ssh-extra-args",
    "scp_extra_args": "--scp-extra-args",
    "sftp_extra_args": "--sftp-extra-args",
    "become_method": "--become-method",
    "become_user": "--become-user",
    "forks": "--forks",
    "extra_vars": "--extra-vars",
}


def command(
    playbook: Path, options: Mapping[str, Any], variables: Mapping[str, object]
) -> list[str]:
    """Return the command line of a playbook.

    Args:
        playbook: The playbook.
        options: Of this run, as `context.CLIARGS` has them.
        variables: What is set besides; it wins over what the operator has set.
    """
    words = [sys.executable, "-m", "ansible", "playbook", str(playbook)]
    for name, option in PASSED.items():
        for value in _values(options.get(name)):
            # One word: a value may begin with a dash.
            words.append(f"{option}={value}")
    words.append(f"--extra-vars={json.dumps(dict(variables))}")
    return words


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a playbook whose output is kept in a file."""
    return {
        **own,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_STDOUT_CALLBACK": "asgi.fleet.rollout",
        "COLUMNS": "160",
    }


def reason(output: str) -> str:
    """Return the end of a playbook's output, for a row of the scorecard."""
    lines = [line for line in output.splitlines() if line.strip()]
    return "\n".join(lines[-6:])


def _values(value: object) -> Sequence[str]:
    if value is None or value == "" or value is False:
        return ()
    if isinstance(value, (list, tuple)):
        return [_text(one) for one in value]
    return [_text(value)]


def _text(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else os.fspath(value)
        if isinstance(value, os.PathLike)
        else str(value)
    )
