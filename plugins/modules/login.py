#!/usr/bin/python
"""Module `asgi.fleet.login`; what it does is in `module_utils/host/login.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: login
short_description: Have an account that operates a host, and close its other ways in
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Makes an account, lets in its public keys, and lets it become root by sudo without a password.
    Then closes root's log-in and passwords, by a file of its own that sshd reads before others.
  - "It closes nothing that is not proven open: it comes back as that account over a new SSH
    connection, by a key, and closes the host from there. Then it comes back once more. Without
    that, the host takes the change of sshd back by itself after O(undo_seconds)."
  - What sshd does is read from sshd itself (C(sshd -T)). A host whose sshd would not follow is
    refused, with the line that is in the way, and so is one on which another account would be
    locked out.
  - Accounts, keys and passwords that are there are never changed or removed.
attributes:
  check_mode:
    description: Says what would be done, also on a host that has neither the account nor sudo.
    support: full
  diff_mode:
    description: It says what is done in RV(lines) instead.
    support: none
  idempotent:
    description: An account that has its keys, and a host that is closed, are left alone.
    support: full
requirements:
  - OpenSSH 8.9 or newer and sudo on the host
options:
  state:
    description:
      - V(found) finds out who can log in, O(user) or O(login), and does nothing else, but for
        installing a missing Python.
      - V(opened), V(closed) and V(kept) are the steps of V(present); the action asks for them
        itself.
    type: str
    choices: [found, present, opened, closed, kept]
    default: present
  user:
    description: The account.
    type: str
    required: true
  keys:
    description: Public keys that let it in, as C(authorized_keys) has them.
    type: list
    elements: str
    default: []
  login:
    description: Who logs in as long as O(user) cannot.
    type: str
    default: root
  close_root:
    description: Whether root may no longer log in by SSH.
    type: bool
    default: true
  close_passwords:
    description: Whether nobody may log in by a password any more.
    type: bool
    default: true
  undo_seconds:
    description: How long the host waits for the proof.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Find out who can log in
  asgi.fleet.login:
    state: found
    user: deploy
  register: way

- name: Have the account, and close the rest
  asgi.fleet.login:
    user: deploy
    keys: ["{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"]
    login: "{{ way.user }}"
"""

RETURN = r"""
user:
  description: Who logged in.
  returned: success, unless a step was asked for
  type: str
python:
  description: Whether the host has Python.
  returned: with O(state=found)
  type: bool
lines:
  description: What was done, or in check mode would be, for an operator to read.
  returned: success
  type: list
  elements: str
undo:
  description: Whether the change waits for the proof.
  returned: with O(state=closed)
  type: bool
undone:
  description: Whether the host has taken the change back already.
  returned: with O(state=kept), when that comes too late
  type: bool
"""

import os
import subprocess

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.login import (
    LoginError,
    Wanted,
    close_host,
    open_host,
    plan,
    undo,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import session_of
from ansible_collections.asgi.fleet.plugins.module_utils.host.sshd import SshdError


def keep(module: Module) -> None:
    """Let a change stay."""
    way_back = undo()
    if why := way_back.keep(session_of(os.getpid())):
        module.fail_json(
            msg=f"the host does not stay closed: {why}", undone=way_back.decided.exists()
        )
    module.exit_json(changed=False)


def open_up(module: Module, wanted: Wanted) -> None:
    """Have the account; say as well what is closed after that."""
    planned = plan(wanted, session_of(os.getpid()), pending=undo().pending)
    lines = planned.opening(wanted)
    if not module.check_mode:
        open_host(wanted, planned)
    module.exit_json(changed=bool(lines), lines=lines, closing=planned.closes(wanted))


def close(module: Module, wanted: Wanted) -> None:
    """Close the rest, for as long as the proof may take."""
    session, way_back = session_of(os.getpid()), undo()
    if session is None:
        raise LoginError("this is no session of SSH; expected one, which can be proven by another")
    if way_back.pending:
        way_back.take_back()
    planned = plan(wanted, session, pending=False)
    lines = planned.closes(wanted)
    if lines:
        close_host(wanted, session, module.params["undo_seconds"], way_back)
    module.exit_json(changed=bool(lines), lines=lines, undo=bool(lines))


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["found", "present", "opened", "closed", "kept"],
                "default": "present",
            },
            "user": {"type": "str", "required": True},
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "login": {"type": "str", "default": "root"},
            "close_root": {"type": "bool", "default": True},
            "close_passwords": {"type": "bool", "default": True, "no_log": False},
            "undo_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    given = module.params
    wanted = Wanted(given["user"], given["keys"], given["close_root"], given["close_passwords"])
    steps = {"opened": open_up, "closed": close}
    try:
        if given["state"] == "kept":
            keep(module)
        elif given["state"] in steps:
            steps[given["state"]](module, wanted)
        else:
            raise LoginError(f"{given['state']} is for the action of this name")
    except (LoginError, SshdError) as error:
        module.refuse(error)
    except (OSError, subprocess.SubprocessError) as error:
        module.fail_json(msg=f"the log-in of this host cannot be set: {error}")


if __name__ == "__main__":
    main()
