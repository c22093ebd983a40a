#!/usr/bin/python
"""Tell what was done to an application on a host."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: history_info
short_description: Tell which rollouts and commands an application has had on a host
version_added: "0.1.0"
description:
  - "Read-only: the rollouts that M(asgi.fleet.rollout) has ended on the host, with who ran each,
    its outcome and what was served meanwhile; and the commands that M(asgi.fleet.run) ran."
  - A host remembers 100 rollouts. What ended while it was down is not among them.
extends_documentation_fragment: asgi.fleet.reading
options:
  name:
    description: The application.
    type: str
    required: true
  count:
    description: How many rollouts, and how many commands, the last ones.
    type: int
    default: 20
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Read what was done to the shop
  asgi.fleet.history_info:
    name: shop
  register: history_look
"""

RETURN = r"""
rollouts:
  description: The rollouts, the oldest first.
  returned: success
  type: list
  elements: dict
  sample:
    - {id: 20261121T061000-5f3a, who: ada@laptop, kind: release, outcome: succeeded}
commands:
  description: The commands, the oldest first.
  returned: success
  type: list
  elements: dict
  sample: [{id: 5f3a0b1c, who: ada@laptop, command: python manage.py check, began: 1795241400.5}]
"""

from dataclasses import asdict

from ansible_collections.asgi.fleet.plugins.module_utils.application.history import commands
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.records import records
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "count": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    application, count = Application(module.params["name"]), module.params["count"]
    try:
        found = {
            "rollouts": records(application, count),
            "commands": [asdict(done) for done in commands(application)[-count:]],
        }
    except OSError as error:
        module.refuse(error)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
