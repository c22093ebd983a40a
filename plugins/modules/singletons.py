#!/usr/bin/python
"""Start or end on a host what runs once in a fleet."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: singletons
short_description: Start or end on a host what runs once in a fleet
version_added: "0.1.0"
description:
  - Processes and timers with C(once_per_fleet) have their units on each host, and run on one of
    them. When that host leaves, they end there, and then start on another one.
options:
  name:
    description: The application.
    type: str
    required: true
  state:
    description:
      - V(away) ends them, waits for their end, and notes that the host is drained.
      - V(here) starts them. The caller knows that they run nowhere else.
      - V(back) only notes that the host is drained no more.
      - V(asked) changes nothing.
    type: str
    choices: [asked, away, here, back]
    default: asked
  wait_seconds:
    description: For V(away), how long runs of timers may take to end. They are not stopped.
    type: float
    default: 300
  last:
    description:
      - For V(here), when each persistent timer has last elapsed on the host that had it before, so
        that it makes up for what was missed since, and runs nothing twice.
      - Without it, this host makes up for what was missed since they last elapsed here.
    type: dict
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: End what another host is to run
  asgi.fleet.singletons:
    name: shop
    state: away
"""

RETURN = r"""
was:
  description:
    - Whether they ran here before, whether the host was drained, and whether what is live has
      anything of the kind.
  returned: success
  type: dict
  sample: {here: true, away: false, planned: true}
live:
  description: Whether a release is live here.
  returned: success
  type: bool
last:
  description:
    - When each persistent timer has last elapsed on this host (Unix time); with V(away), after its
      runs have ended.
  returned: success
  type: dict
  sample: {report: 1795241400.5}
"""

from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import singletons
from ansible_collections.asgi.fleet.plugins.module_utils.timers import moving


def step(application: Application, options: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked; return `changed`, and with `state: away` also `last`."""
    if options["state"] == "away":
        changed, last = singletons.leave(application, options["wait_seconds"])
        return {"changed": changed, "last": last}
    if options["state"] == "here":
        return {"changed": singletons.take(application, options["last"])}
    return {"changed": singletons.come_back(application)}


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["asked", "away", "here", "back"],
                "default": "asked",
            },
            "wait_seconds": {"type": "float", "default": 300},
            "last": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    state = module.params["state"]
    was = singletons.look(application)
    live = application.live_slot() is not None
    done: dict[str, Any] = {"changed": False}
    try:
        done["last"] = moving.last_elapses(application)
        # Without a live release there is nothing to start, nor a folder for the note.
        if state != "asked" and live and not module.check_mode:
            done |= step(application, module.params)
    except (ControllerGone, OSError, Refusal, UnsafeFolderError) as error:
        module.refuse(error)
    module.exit_json(was=was, live=live, **done)


if __name__ == "__main__":
    main()
