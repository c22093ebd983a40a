#!/usr/bin/python
"""Move what runs once in a fleet to this host, or away from it."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: home
short_description: Have what runs once in a fleet run on this host, or not
version_added: "0.1.0"
description:
  - An application's home is the one host where its timers with C(once_per_fleet) elapse.
  - V(away) and V(left) stop them here, and wait until none of their runs is left. Only then may
    another host become the home.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  state:
    description:
      - V(looked) changes nothing.
      - V(home) makes this host the home.
      - V(away) has it be the home no more.
      - V(left) does as well, and it must not become the home again until V(back).
    type: str
    choices: [looked, home, away, left, back]
    default: looked
  wait_seconds:
    description: How long to wait for runs to end.
    type: float
    default: 300
  last:
    description:
      - For V(home), when each persistent timer has last elapsed on the host that was the home
        (Unix time), so that what it has missed since is made up for, and nothing runs twice.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Reports whether it would change anything.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
  idempotent:
    description: Nothing changes on a host that is what it shall be.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Have another host take over the timers that run once in the fleet
  asgi.fleet.home:
    name: shop
    state: away
"""

RETURN = r"""
home:
  description: Whether this host was the home.
  returned: success
  type: bool
left:
  description: Whether it must not become the home.
  returned: success
  type: bool
live:
  description: Whether a release is live here.
  returned: success
  type: bool
last:
  description: With V(away) and V(left), when each persistent timer has last elapsed (Unix time).
  returned: success
  type: dict
  sample: {report: 1795241400.5}
"""

from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.home import has_left, is_home
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    heeding_signals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.timers import moving


def run(application: Application, options: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Do what is asked, unless in check mode; return the module's result."""
    was_home, had_left = is_home(application), has_left(application)
    found = {
        "changed": False,
        "home": was_home,
        "left": had_left,
        "live": application.live_slot() is not None,
        "last": {},
    }
    state = options["state"]
    if state == "looked":
        return found
    if check_mode:
        wanted = {
            "home": (True, False),
            "away": (False, False),
            "left": (False, True),
            "back": (was_home, False),
        }
        return found | {"changed": wanted[state] != (was_home, had_left)}
    if state == "home":
        return found | {"changed": moving.begin(application, options["last"])}
    if state == "back":
        return found | {"changed": moving.come_back(application)}
    changed, last = moving.let_go(application, options["wait_seconds"], left=state == "left")
    return found | {"changed": changed, "last": last}


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["looked", "home", "away", "left", "back"],
                "default": "looked",
            },
            "wait_seconds": {"type": "float", "default": 300},
            "last": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    try:
        with heeding_signals():
            result = run(application, module.params, check_mode=module.check_mode)
    except (ControllerGone, OSError, Refusal) as refusal:
        module.refuse(refusal)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
