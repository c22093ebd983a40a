#!/usr/bin/python
"""Module `asgi.fleet.haproxy_claim`; the decisions are in `module_utils/servers/standing.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_claim
short_description: Refuse to put a balancer where something else serves already
version_added: "0.1.0"
description:
  - Refuses a file that is someone's own and would be replaced, and a port on which another program
    listens, and names them. Nothing is changed.
  - A file is asgi.fleet's by its header, a package's if it is as dpkg has it, and otherwise
    someone's own.
options:
  ports:
    description: The variable that sets it, by each port of the balancer.
    type: dict
    default: {}
  files:
    description: The files that are to be written.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
seealso:
  - module: asgi.fleet.haproxy_config
  - module: asgi.fleet.nginx_claim
"""

EXAMPLES = r"""
- name: Refuse to replace another balancer
  asgi.fleet.haproxy_claim:
    ports: {80: haproxy_balancer_http_port, 443: haproxy_balancer_https_port}
    files: [/etc/haproxy/haproxy.cfg]
"""

RETURN = r"""
installed:
  description: Whether HAProxy is there.
  returned: success
  type: bool
ipv6:
  description: Whether the kernel has IPv6.
  returned: success
  type: bool
"""

import os

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.addresses import has_ipv6
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import listeners
from ansible_collections.asgi.fleet.plugins.module_utils.servers import standing

EXECUTABLE = "/usr/sbin/haproxy"
UNIT = "haproxy.service"


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "ports": {"type": "dict", "default": {}},
            "files": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    installed = os.path.exists(EXECUTABLE)
    ports = {int(port): variable for port, variable in module.params["ports"].items()}
    try:
        problems = [
            *standing.unit_problems(
                standing.Unit.named(UNIT), UNIT, EXECUTABLE, installed=installed
            ),
            *standing.taken_ports(ports, UNIT, listeners()),
            *standing.foreign_files(
                standing.origins(module.params["files"], standing.Files("/etc"))
            ),
        ]
    except OSError as error:
        module.refuse(error)
    if problems:
        module.fail_json(msg=standing.refusal("HAProxy", problems))
    module.exit_json(changed=False, installed=installed, ipv6=has_ipv6())


if __name__ == "__main__":
    main()
