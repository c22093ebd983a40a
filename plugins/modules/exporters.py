#!/usr/bin/python
"""Module `asgi.fleet.exporters`; the work is in `module_utils/host/exporters.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: exporters
short_description: Have the distribution's exporters for Prometheus listen on loopback
version_added: "0.1.0"
description:
  - Has C(prometheus-node-exporter) and C(prometheus-nginx-exporter) listen on a loopback address
    alone, by a drop-in of their units. With O(state=prepared) it writes the drop-ins, also before
    the packages are installed, so that they never listen to everybody. With O(state=started) it
    starts them, and sees that they answer.
  - One that somebody else runs, or whose port another program has, is used and not changed.
  - A host has one of each for all its applications. What neither O(wanted) nor the endpoint of
    another application names is stopped and disabled; its packages stay.
options:
  name:
    description: The application.
    type: str
    required: true
  wanted:
    description: Which exporters its endpoint passes on.
    type: list
    elements: str
    choices: [host, nginx]
    default: []
  addresses:
    description: Where each of them listens, a loopback address and a port.
    type: dict
    required: true
    suboptions:
      host:
        description: That of the host.
        type: str
        required: true
      nginx:
        description: That of nginx.
        type: str
        required: true
  status:
    description: Where nginx counts itself (C(stub_status)), a URL.
    type: str
    required: true
  state:
    description: How far to go.
    type: str
    choices: [prepared, started]
    default: prepared
attributes:
  check_mode:
    description: Tells what would change.
    support: full
  diff_mode:
    description: Shows the drop-ins.
    support: full
  idempotent:
    description: Nothing changes where the exporters run as wanted.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Have the host's exporter listen on loopback
  asgi.fleet.exporters:
    name: shop
    wanted: [host]
    addresses: {host: 127.0.0.1:9100, nginx: 127.0.0.1:9113}
    status: http://127.0.0.1:9112/status
"""

RETURN = r"""
packages:
  description: What must be installed for O(state=started).
  returned: success
  type: list
  elements: str
kept:
  description: Exporters of O(wanted) that somebody else has set up.
  returned: success
  type: list
  elements: str
counts:
  description: Whether nginx must count itself, for any application of this host.
  returned: success
  type: bool
counts_found:
  description: Whether there is the file by which it does.
  returned: success
  type: bool
"""

import os

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host import exporters
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal


def main() -> None:
    """Run the module."""
    address = {"type": "str", "required": True}
    names = list(exporters.EXPORTERS)
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "wanted": {"type": "list", "elements": "str", "choices": names, "default": []},
            "addresses": {
                "type": "dict",
                "required": True,
                "options": dict.fromkeys(names, address),
            },
            "status": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["prepared", "started"], "default": "prepared"},
        },
        supports_check_mode=True,
    )
    options = module.params
    wish = exporters.Wish(
        options["name"], options["wanted"], options["addresses"], options["status"]
    )
    try:
        todo = exporters.look(wish)
        changed = bool(todo)
        if not module.check_mode:
            exporters.carry_out(todo)
        if options["state"] == "started":
            started = exporters.idle(todo) if module.check_mode else exporters.start(todo, wish)
            changed = changed or bool(started)
    except (exporters.ExporterError, Refusal, OSError) as error:
        module.refuse(error)
    module.exit_json(
        changed=changed,
        diff=todo.diff(),
        packages=todo.packages,
        kept=todo.kept,
        counts=todo.counts,
        counts_found=os.path.lexists(exporters.STATUS_FILE),
    )


if __name__ == "__main__":
    main()
