#!/usr/bin/python
"""Run an application's hooks of one phase, in a release, as the application."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: hook
short_description: Run commands in a release, as the application
version_added: "0.1.0"
description:
  - Runs commands as the application's user, in the folder of a release, with its virtual
    environment first in C(PATH) and with the application's environment.
  - With O(once), a mark on the host keeps a phase from running twice for the same release,
    whatever the number of waves, of runs and of resumed runs.
options:
  name:
    description: The application.
    type: str
    required: true
  phase:
    description: Name of the phase, for messages and marks.
    type: str
    required: true
  commands:
    description: Commands for C(/bin/sh), in their order.
    type: list
    elements: dict
    required: true
    suboptions:
      command:
        description: The command.
        type: str
        required: true
      timeout:
        description: Seconds after which it is killed.
        type: float
        default: 300
  release:
    description: Folder of the release.
    type: path
    required: true
  user:
    description: Whom to run as.
    type: str
    required: true
  environment:
    description:
      - The application's environment, made by the filter P(asgi.fleet.environment_file#filter).
    type: str
    default: ""
  once:
    description: Run the phase once for this release, and never again on this host.
    type: bool
    default: false
attributes:
  check_mode:
    description: Tells whether the commands would run.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: With O(once).
    support: partial
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Migrate the database
  asgi.fleet.hook:
    name: shop
    phase: before_rollout
    commands:
      - command: python manage.py migrate
        timeout: 600
    release: /opt/shop/releases/1.4.2-9f86d081
    user: shop
    once: true
"""

RETURN = r"""
ran:
  description: The commands that ran, each with its seconds and its output.
  returned: success
  type: list
  elements: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils import rollout
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    Application,
    parse_environment,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "phase": {"type": "str", "required": True},
            "commands": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "command": {"type": "str", "required": True},
                    "timeout": {"type": "float", "default": 300},
                },
            },
            "release": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "environment": {"type": "str", "default": "", "no_log": True},
            "once": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    name = f"{options['phase']} {os.path.basename(options['release'])}"
    due = bool(options["commands"]) and not (options["once"] and name in rollout.marks(application))
    if module.check_mode or not due:
        module.exit_json(changed=due, ran=[])
    ran = []
    try:
        for hook in options["commands"]:
            outcome = rollout.run_hook(
                hook["command"],
                options["release"],
                options["user"],
                parse_environment(options["environment"]),
                hook["timeout"],
            )
            ran.append({"command": hook["command"], **outcome})
    except rollout.RolloutError as error:
        module.fail_json(msg=f"{options['phase']}: {error}", ran=ran)
    if options["once"]:
        rollout.mark(application, name)
    module.exit_json(changed=True, ran=ran)


if __name__ == "__main__":
    main()
