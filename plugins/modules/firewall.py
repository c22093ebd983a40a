#!/usr/bin/python
"""Module `asgi.fleet.firewall`; what ufw is told is in `module_utils/host/firewall.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Allow only some ports with ufw, without locking out the operator
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Keeps SSH open first, on the port of the very session that the module runs in; then applies the
    rules, denies every other connection from outside, and switches ufw on, now and at boot.
  - When that closes a host which was open, O(listening) says what becomes of the programs that
    listen there. On a host that is closed already, its rules decide.
  - A change stays only if it is proven. The host takes it back by itself after O(undo_seconds),
    unless the controller has come back over a new SSH connection before; an established one would
    survive a rule that forbids it. A connection that is not SSH needs no proof.
  - Does in one round trip what takes C(community.general.ufw) one for each rule, and asks ufw
    itself (C(--dry-run)) whether a rule would change anything. A change takes one more.
  - The first command that fails ends it, and what was done before is taken back.
  - A host with a firewall of its own, such as firewalld, nftables with rules or
    netfilter-persistent, keeps that, and ufw is not touched.
attributes:
  check_mode:
    description: Reports the commands, without running them, also where ufw is not installed yet.
    support: full
  diff_mode:
    description: Shows the commands.
    support: full
  idempotent:
    description: Runs no ufw command that would change nothing.
    support: full
requirements:
  - ufw 0.36 or newer on the host
options:
  state:
    description: V(kept) lets a change stay that waits for it; the action asks for that itself.
    type: str
    choices: [closed, kept]
    default: closed
  undo_seconds:
    description: How long a change waits for the proof.
    type: int
    default: 60
extends_documentation_fragment:
  - asgi.fleet.firewall_rules
"""

EXAMPLES = r"""
- name: Allow only what is served, and what listens already
  asgi.fleet.firewall:
    tcp_ports: [80, 443]
    rules:
      - {port: 9100, from_ip: 192.0.2.10, comment: Prometheus}
"""

RETURN = r"""
commands:
  description: The commands that were, or in check mode would be, run.
  returned: success
  type: list
  elements: str
session_port:
  description: The port of the SSH session; null without one.
  returned: success
  type: int
lines:
  description: What is kept open, and what is closed, for an operator to read.
  returned: success
  type: list
  elements: str
undone:
  description: Whether the host has taken the change back already.
  returned: when V(kept) comes too late
  type: bool
undo:
  description: Whether the change waits for the proof; the action has given it.
  returned: success
  type: bool
"""

import os
import shlex
import subprocess

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import ARGUMENTS
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall_plan import (
    Plan,
    UfwError,
    ask_ufw,
    plan,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall_undo import Undo
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import session_of


def keep(module: Module, undo: Undo) -> None:
    """Let a change stay."""
    if why := undo.keep(session_of(os.getpid())):
        module.fail_json(msg=f"the firewall is not kept: {why}", undone=undo.decided.exists())
    module.exit_json(changed=False)


def apply(module: Module, planned: Plan, undo: Undo) -> tuple[list[str], bool]:
    """Run the commands; return them, and whether they wait for the proof."""
    done: list[str] = []
    for arguments in planned.commands():
        if not module.check_mode:
            # Before the first: a host that is as wanted notes nothing.
            if not done and planned.session:
                undo.arm(module.params["undo_seconds"], planned.session, active=planned.active)
            try:
                ask_ufw(*arguments)
            except UfwError as error:
                if planned.session:
                    undo.take_back()
                module.fail_json(
                    msg=f"{error}; the firewall is as it was before"
                    if planned.session
                    else f"{error}; what comes before it is done: {done or 'nothing'}"
                )
        done.append(shlex.join(["ufw", *arguments]))
    waits = bool(done) and planned.session is not None and not module.check_mode
    if waits:
        undo.count(module.params["undo_seconds"])
    return done, waits


def main() -> None:
    """Run the module."""
    own = {
        "state": {"type": "str", "choices": ["closed", "kept"], "default": "closed"},
        "undo_seconds": {"type": "int", "default": 60},
    }
    module = Module(argument_spec={**own, **ARGUMENTS}, supports_check_mode=True)
    undo = Undo()
    if module.params["state"] == "kept":
        keep(module, undo)
    if undo.pending and not module.check_mode:
        undo.take_back()
    try:
        planned = plan(module.params)
        if planned.refusal:
            module.fail_json(msg=planned.refusal)
        commands, waits = apply(module, planned, undo)
    except (UfwError, OSError, subprocess.SubprocessError) as error:
        module.fail_json(msg=f"the firewall cannot be set: {error}")
    module.exit_json(
        changed=bool(commands),
        commands=commands,
        session_port=planned.session.port if planned.session else None,
        lines=planned.lines,
        undo=waits,
        diff={"before": "", "after": "".join(f"{command}\n" for command in commands)},
    )


if __name__ == "__main__":
    main()
