#!/usr/bin/python
"""Run a command in the world of an application's live slot, and follow its output."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: run
short_description: Run a command in the live release, and show its output as it comes
version_added: "0.1.0"
description:
  - Runs a command as the application's service would run it. It has the account, the environment
    with its secrets, the folder, the C(PATH) and the sandbox of the live slot.
  - Its action plugin shows what the command prints while it runs, by whole lines, with the name of
    a secret in place of its value. It returns when the command has ended.
  - The command has no terminal and no input. Programs that ask something see the end of the input.
  - Everything that the command has started ends with it. It also ends when the play is interrupted,
    and 20 to 40 seconds after the controller was last heard of.
  - It takes no lock, so it can also run during a rollout, in the slot that is live at its start.
options:
  name:
    description: The application.
    type: str
    required: true
  state:
    description:
      - V(started) starts the command. The action plugin then follows it to its end.
      - V(looked) only returns what is live.
      - V(followed) and V(stopped) are what the action plugin asks for.
    type: str
    choices: [started, looked, followed, stopped]
    default: started
  command:
    description: The program and its arguments. No shell reads them.
    type: list
    elements: str
    default: []
  id:
    description:
      - Eight of C(0-9a-f), the same on all hosts of a run. It is part of the units' names.
    type: str
    default: ""
  who:
    description: Who runs it, for the journal and the history of the application.
    type: str
    default: somebody
  seconds:
    description: Seconds after which it is killed, with everything that it started.
    type: float
    default: 3600
  public_names:
    description:
      - Variables of the application's environment whose values may be shown. Those of all others
        are hidden in what the command prints.
    type: list
    elements: str
    default: []
  memory_max:
    description: Limit of its memory, C(MemoryMax=) of systemd.resource-control(5).
    type: str
    default: ""
  position:
    description: For V(followed), how many answers the caller has had.
    type: int
    default: 0
  prefix:
    description: What comes before each line of its output.
    type: str
    default: ""
extends_documentation_fragment: asgi.fleet.sandbox
attributes:
  check_mode:
    description: Says what would run, and runs nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Count the orders
  asgi.fleet.run:
    name: shop
    command: [python, manage.py, count_orders]
    id: 5f3a09c1
    who: ada@laptop
    public_names: "{{ app_env | list }}"
"""

RETURN = r"""
release:
  description: Id of the release that is live.
  returned: with V(started) and V(looked)
  type: str
slot:
  description: The slot that is live.
  returned: with V(started) and V(looked)
  type: str
user:
  description: The account of the service.
  returned: with V(started) and V(looked)
  type: str
text:
  description: What the command has printed since the last answer, without secrets.
  returned: with V(followed)
  type: str
position:
  description: The number of this answer.
  returned: with V(followed)
  type: int
end:
  description: How the command ended; null while it runs.
  returned: with V(followed) and V(stopped), and by the action plugin
  type: dict
  contains:
    status:
      description:
        - Its exit status. 124 after its time limit, 130 after an interruption, 125 if systemd did
          not start it, 128 and the number of the signal that killed it.
      type: int
      sample: 3
    problem:
      description: How it ended, for people; empty if it succeeded.
      type: str
      sample: exit status 3
    seconds:
      description: How long it took.
      type: float
      sample: 12.1
"""

import os
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import PlaceError
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    heeding_signals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.operation import commands, following
from ansible_collections.asgi.fleet.plugins.module_utils.operation.commands import (
    CommandError,
    Live,
    Request,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import OPTION, of_option


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["started", "looked", "followed", "stopped"],
                "default": "started",
            },
            "command": {"type": "list", "elements": "str", "default": []},
            "id": {"type": "str", "default": ""},
            "who": {"type": "str", "default": "somebody"},
            "seconds": {"type": "float", "default": 3600},
            "public_names": {"type": "list", "elements": "str", "default": []},
            "memory_max": {"type": "str", "default": ""},
            "position": {"type": "int", "default": 0},
            "prefix": {"type": "str", "default": ""},
            "sandbox": OPTION,
        },
        required_if=[
            ("state", "started", ["command", "id"]),
            ("state", "followed", ["id"]),
            ("state", "stopped", ["id"]),
        ],
        supports_check_mode=True,
    )
    try:
        with heeding_signals():
            result = _done(module)
    except (CommandError, ControllerGone, OSError, PlaceError, Refusal) as error:
        module.refuse(error)
    module.exit_json(**result)


def _done(module: Module) -> dict[str, Any]:
    options = module.params
    application = Application(options["name"])
    if options["state"] == "followed":
        answer = following.follow(application, options["id"], options["position"])
        return {"changed": False, **answer}
    if options["state"] == "stopped":
        end = following.stop(application, options["id"])
        return {"changed": end is not None, "end": end.__dict__ if end else None}
    if options["state"] == "looked" or module.check_mode:
        return {"changed": options["state"] == "started", **_as_dict(commands.live(application))}
    request = Request(
        options["id"],
        options["command"],
        options["who"],
        options["seconds"],
        of_option(options["sandbox"]),
        options["memory_max"],
        options["public_names"],
    )
    return {"changed": True, **_as_dict(commands.start(application, request))}


def _as_dict(live: Live) -> dict[str, Any]:
    return {
        "slot": live.slot.slot,
        "release": os.path.basename(live.release),
        "user": live.user,
    }


if __name__ == "__main__":
    main()
