#!/usr/bin/python
"""Let one rollout of an application at a time change a host."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_lock
short_description: Let one rollout of an application at a time change a host
version_added: "0.1.0"
description:
  - The lock is on the host, so it holds between controllers. It says who holds it and since when.
  - It does not expire. One that a killed run left behind is taken over by O(take_over=true), never
    silently.
options:
  name:
    description: The application.
    type: str
    required: true
  rollout:
    description: Id of the rollout; whoever gives the same id holds the lock already.
    type: str
    required: true
  holder:
    description: Who runs the rollout, for the message to others.
    type: str
    default: unknown
  state:
    description: Whether to take the lock or to give it back.
    type: str
    choices: [acquired, released]
    default: acquired
  take_over:
    description: Take the lock from a rollout that no longer runs.
    type: bool
    default: false
attributes:
  check_mode:
    description: Refuses if another rollout holds the lock, and takes nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: Never reported as changed, since the lock is gone at the end of a run.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Lock the shop
  asgi.fleet.rollout_lock:
    name: shop
    rollout: 20261121T061000-5f3a
    holder: ada@laptop
"""

RETURN = r"""
holder:
  description: Who holds the lock now; null for nobody.
  returned: success
  type: dict
  sample: {rollout: 20261121T061000-5f3a, who: ada@laptop, since: 1795241400}
"""

import time
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils import rollout
from ansible_collections.asgi.fleet.plugins.module_utils.slots import Application


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "rollout": {"type": "str", "required": True},
            "holder": {"type": "str", "default": "unknown"},
            "state": {"type": "str", "choices": ["acquired", "released"], "default": "acquired"},
            "take_over": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    wanted = rollout.Holder(options["rollout"], options["holder"], int(time.time()))
    try:
        if options["state"] == "released":
            if not module.check_mode:
                rollout.release(application, options["rollout"])
        elif module.check_mode:
            rollout.refuse_other(application, wanted, options["take_over"])
        else:
            rollout.acquire(application, wanted, options["take_over"])
    except rollout.RolloutError as error:
        module.fail_json(msg=str(error))
    current = rollout.holder(application)
    module.exit_json(changed=False, holder=asdict(current) if current else None)


if __name__ == "__main__":
    main()
