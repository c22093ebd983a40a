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
  - Processes with C(once_per_fleet) have their units on each host, and run on one of them. When
    that host leaves, they end there, and then start on another one.
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
  description: Whether they ran here before, and whether the host was drained.
  returned: success
  type: dict
  sample: {here: true, away: false}
live:
  description: Whether a release is live here.
  returned: success
  type: bool
"""

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import singletons

STEPS = {"away": singletons.leave, "here": singletons.take, "back": singletons.come_back}


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
        },
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    state = module.params["state"]
    was = singletons.look(application)
    live = application.live_slot() is not None
    changed = False
    try:
        # Without a live release there is nothing to start, nor a folder for the note.
        if state != "asked" and live and not module.check_mode:
            changed = STEPS[state](application)
    except (ControllerGone, OSError, Refusal, UnsafeFolderError) as error:
        module.refuse(error)
    module.exit_json(changed=changed, was=was, live=live)


if __name__ == "__main__":
    main()
