#!/usr/bin/python
"""Module `asgi.fleet.firewall`; what ufw is told is in `module_utils/host/firewall.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Allow only some ports with ufw, without closing the current SSH session
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Keeps SSH open first, on the port of the very session that the module runs in; then applies the
    rules, denies every other connection from outside, and switches ufw on, now and at boot.
  - Does in one round trip what takes C(community.general.ufw) one for each rule, and asks ufw
    itself (C(--dry-run)) whether a rule would change anything.
  - The first command that fails ends it. Since SSH comes first, nobody is locked out by that.
attributes:
  check_mode:
    description: Reports the commands, without running them.
    support: full
  diff_mode:
    description: Shows the commands.
    support: full
  idempotent:
    description: Runs no ufw command that would change nothing.
    support: full
requirements:
  - ufw 0.36 or newer on the host
extends_documentation_fragment:
  - asgi.fleet.firewall_rules
"""

EXAMPLES = r"""
- name: Allow only what is served
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
"""

import os
import shlex

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import (
    ARGUMENTS,
    SETTINGS,
    TABLES,
    pending_commands,
    session_port,
    wanted_rules,
)


class Ufw:
    """The ufw of this host; notes every command that changes something."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.executable: str = module.get_bin_path("ufw", required=True)
        self.commands: list[str] = []

    def ask(self, *arguments: str) -> str:
        """Run a command that changes nothing, and return what it printed."""
        command = [self.executable, *arguments]
        code, output, error = self.module.run_command(
            command, environ_update={"LANGUAGE": "C", "LC_ALL": "C"}
        )
        if code:
            self.module.fail_json(
                msg=f"{shlex.join(command)} failed: {(error or output).strip()}; what comes before "
                f"it is done, and SSH stays open: {self.commands or 'nothing'}"
            )
        return str(output)

    def change(self, *arguments: str) -> None:
        """Run a command that changes something, unless in check mode."""
        if not self.module.check_mode:
            self.ask(*arguments)
        self.commands.append(shlex.join(["ufw", *arguments]))


def main() -> None:
    """Run the module."""
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    ufw = Ufw(module)
    port = session_port(os.getpid())
    rules = wanted_rules(
        port, *(module.params[name] for name in ("ssh_ports", "tcp_ports", "rules", "vrrp_peers"))
    )
    for arguments in pending_commands(ufw.ask, rules, TABLES, SETTINGS):
        ufw.change(*arguments)
    module.exit_json(
        changed=bool(ufw.commands),
        commands=ufw.commands,
        session_port=port,
        diff={"before": "", "after": "".join(f"{command}\n" for command in ufw.commands)},
    )


if __name__ == "__main__":
    main()
