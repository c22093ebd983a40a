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
  - With O(once), a record on the host prevents a phase from running twice in a rollout of the
    release, whatever the number of waves, runs and resumed runs. Another run that starts while the
    commands are still running waits for them.
options:
  name:
    description: The application.
    type: str
    required: true
  phase:
    description: Name of the phase, for messages and records.
    type: str
    required: true
  commands:
    description: Commands for C(/bin/sh), in this order.
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
    description: The account that runs the commands.
    type: str
    required: true
  environment:
    description:
      - The application's environment, made by the filter P(asgi.fleet.environment_file#filter).
    type: str
    default: ""
  secret_names:
    description: Variables in O(environment) whose values are hidden in what the commands print.
    type: list
    elements: str
    default: []
  once:
    description:
      - Run the phase once in a rollout of this release. Releasing it again, after a rollout of
        another release has succeeded, is another rollout.
    type: bool
    default: false
  ran_elsewhere:
    description: Only record that the phase ran on another host of the rollout; run nothing.
    type: bool
    default: false
  memory_max:
    description: Limit of memory of a command, C(MemoryMax=) of systemd.resource-control(5).
    type: str
    default: ""
extends_documentation_fragment:
  - asgi.fleet.sandbox
  - asgi.fleet.refusal
attributes:
  check_mode:
    description: Reports whether the commands would run.
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
  description: The commands that ran, each with its seconds and its output, without secrets.
  returned: success
  type: list
  elements: dict
"""

import os
from contextlib import ExitStack
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application import history
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import (
    PlaceError,
    open_places,
)
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import REFUSAL, Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import (
    UnsafeFolderError,
    locked,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import redacted
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import OPTION, of_option
from ansible_collections.asgi.fleet.plugins.module_utils.slots.hooks import (
    HookError,
    Surroundings,
    run_hook,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            **REFUSAL,
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
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "sandbox": OPTION,
            "memory_max": {"type": "str", "default": ""},
            "once": {"type": "bool", "default": False},
            "ran_elsewhere": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    patience = sum(hook["timeout"] for hook in options["commands"])
    if module.check_mode:
        due = _due(application, options) and not options["ran_elsewhere"]
        module.exit_json(changed=due, ran=[])
    with ExitStack() as held:
        try:
            held.enter_context(locked(f"{application.name}.hook", patience, root=application.root))
        except TimeoutError:
            other = HookError(
                f"{options['phase']}: commands of another run are still running on this host "
                f"after {patience:g} s; wait for them to end and run again"
            )
            module.refuse(other, ran=[])
        except (ControllerGone, OSError, UnsafeFolderError) as error:
            module.refuse(error, ran=[])
        due = _due(application, options)
        ran = _run(application, module) if due and not options["ran_elsewhere"] else []
        if due and options["once"]:
            release_id = os.path.basename(options["release"])
            try:
                history.note(application, "hook", release_id, phase=options["phase"])
            except OSError as error:
                module.refuse(error, ran=ran)
    module.exit_json(changed=due and not options["ran_elsewhere"], ran=ran)


def _due(application: Application, options: dict[str, Any]) -> bool:
    ran = {"phase": options["phase"], "release": os.path.basename(options["release"])}
    done = options["once"] and ran in history.hooks_done(application)
    return bool(options["commands"]) and not done


def _run(application: Application, module: Module) -> list[dict[str, Any]]:
    options = module.params
    environment = parse_environment(options["environment"])
    ran: list[dict[str, Any]] = []

    def blanked(text: str) -> str:
        return redacted(text, environment, options["secret_names"])

    surroundings = Surroundings(
        release=options["release"],
        user=options["user"],
        environment=environment,
        secret_names=options["secret_names"],
        sandbox=of_option(options["sandbox"]),
        memory_max=options["memory_max"],
        # After a rollout the release is live; before it, it is going to the other slot.
        slot=(application.live_slot() or "") if options["phase"].startswith("after_") else "",
    )
    try:
        open_places(options["release"], options["user"], surroundings.sandbox)
        for hook in options["commands"]:
            outcome = run_hook(hook["command"], hook["timeout"], surroundings)
            ran.append({"command": blanked(hook["command"]), **outcome})
    except (HookError, PlaceError) as error:
        module.refuse(HookError(blanked(f"{options['phase']}: {error}")), ran=ran)
    return ran


if __name__ == "__main__":
    main()
