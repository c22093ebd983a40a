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
  - First allows SSH on the port of the session that the module runs in. Then applies the rules,
    denies every other incoming connection, and switches ufw on, now and at boot.
  - Takes one round trip, where C(community.general.ufw) takes one for each rule. ufw itself
    (C(--dry-run)) says whether a rule would change anything.
  - The first command that fails ends the module. Because SSH comes first, that locks nobody out.
options:
  ssh_ports:
    description: Ports to keep open for SSH besides the session's; 22 if there is neither.
    type: list
    elements: int
    default: []
  tcp_ports:
    description: Ports open to every address.
    type: list
    elements: int
    default: []
  rules:
    description: Further rules, in this order; existing rules stay.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: A port, or a range such as C(6000:6007).
        type: str
        required: true
      proto:
        description: Protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      from_ip:
        description: Address or network that the rule is for.
        type: str
        default: any
      rule:
        description: What happens to a connection.
        type: str
        choices: [allow, deny, limit, reject]
        default: allow
      comment:
        description: Shown by C(ufw status).
        type: str
      delete:
        description: Delete the rule instead of adding it.
        type: bool
        default: false
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
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import (
    default_policy,
    is_active,
    rule_arguments,
    session_port,
    ssh_rules,
    would_change,
)

TABLES = (Path("/etc/ufw/user.rules"), Path("/etc/ufw/user6.rules"))
SETTINGS = Path("/etc/default/ufw")


class Ufw:
    """The ufw of this host; notes every command that changes something."""

    def __init__(self, module: AnsibleModule) -> None:
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

    def apply(self, arguments: list[str]) -> None:
        """Add or delete a rule, if that changes anything."""
        tables = "\n".join(path.read_text() for path in TABLES if path.exists())
        if would_change(self.ask("--dry-run", *arguments), tables):
            self.change(*arguments)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "ssh_ports": {"type": "list", "elements": "int", "default": []},
            "tcp_ports": {"type": "list", "elements": "int", "default": []},
            "rules": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "port": {"type": "str", "required": True},
                    "proto": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
                    "from_ip": {"type": "str", "default": "any"},
                    "rule": {
                        "type": "str",
                        "choices": ["allow", "deny", "limit", "reject"],
                        "default": "allow",
                    },
                    "comment": {"type": "str"},
                    "delete": {"type": "bool", "default": False},
                },
            },
        },
        supports_check_mode=True,
    )
    ufw = Ufw(module)
    port = session_port(os.getpid())
    rules = ssh_rules(port, module.params["ssh_ports"])
    rules += [{"port": served} for served in module.params["tcp_ports"]]
    for rule in [*rules, *module.params["rules"]]:
        ufw.apply(rule_arguments(rule))
    if default_policy(SETTINGS.read_text()) != "DROP":
        ufw.change("default", "deny", "incoming")
    if not is_active(ufw.ask("status")):
        ufw.change("--force", "enable")
    module.exit_json(
        changed=bool(ufw.commands),
        commands=ufw.commands,
        session_port=port,
        diff={"before": "", "after": "".join(f"{command}\n" for command in ufw.commands)},
    )


if __name__ == "__main__":
    main()
