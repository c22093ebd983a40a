#!/usr/bin/python
"""Begin a rollout on a host, put back what it switched there, and end it."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Begin a rollout on a host, put back what it switched there, and end it
version_added: "0.1.0"
description:
  - A rollout holds the lock of its application on every host from O(state=started) to
    O(state=ended), so that two cannot work on one host at once. The lock is the file
    C(/var/lib/<name>/rollout.lock), which says who holds it. A run that was killed leaves it; the
    next one is told by whom and since when, and can take it over.
  - O(state=started) also tells what a rollout must know of the host, so that it need not ask again.
  - O(state=reverted) makes live again what the rollout of O(release) has replaced on this host,
    with the settings and the environment that it had. While the rollout has not ended, the slot
    that was live still runs, and going back is a rename.
  - O(state=ended) lets the slot that is no longer live drain and stop, notes a success, and gives
    the lock back. Without the lock, because another took it over, it does nothing.
options:
  name:
    description: The application.
    type: str
    required: true
  id:
    description: Id of the rollout.
    type: str
    required: true
  state:
    description: What to do.
    type: str
    choices: [started, reverted, ended]
    default: started
  holder:
    description: Who runs it, for the message that others get.
    type: str
    default: unknown
  take_over:
    description: Take the lock even if another rollout holds it.
    type: bool
    default: false
  release:
    description:
      - Id of the release that is rolled out. O(state=reverted) needs it, O(state=ended) notes it.
    type: str
  succeeded:
    description: With O(state=ended), that the rollout ended well on all hosts.
    type: bool
    default: false
  health_path:
    description: Path that answers 200 when the application can serve.
    type: str
    default: /healthz
  health_host:
    description: The Host header to ask with.
    type: str
    default: localhost
  health_timeout:
    description: Seconds that the old slot may take to become healthy, if it has to start again.
    type: float
    default: 60
  secret_names:
    description: Names of variables whose values are blanked where the journal is shown.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Refuses what it would refuse, and changes nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: A host that the rollout has not switched has nothing to revert.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Lock the shop
  asgi.fleet.rollout:
    name: shop
    id: 20261121T061000-5f3a
    holder: ada@laptop

- name: Put back what a bad release has replaced
  asgi.fleet.rollout:
    name: shop
    id: 20261121T061000-5f3a
    state: reverted
    release: 1.4.2-9f86d081
    health_host: shop.example.com

- name: Let the old slot go, and give the lock back
  asgi.fleet.rollout:
    name: shop
    id: 20261121T061000-5f3a
    state: ended
    release: 1.4.2-9f86d081
    succeeded: true
"""

RETURN = r"""
holder:
  description: Who holds the lock now; null for nobody.
  returned: always
  type: dict
  sample: {rollout: 20261121T061000-5f3a, who: ada@laptop, since: 1795241400}
hooks_done:
  description: Hooks that ran and need not run again for their release, as C(<phase> <release>).
  returned: success
  type: list
  elements: str
  sample: [before_rollout 1.4.2-9f86d081]
ended:
  description: Ids of the last rollouts that gave the lock back on this host, the latest last.
  returned: success
  type: list
  elements: str
  sample: [20261120T161200-0b1c]
live:
  description: The release that is live now; empty for none.
  returned: always
  type: str
  sample: 1.4.1-2c26b46b
releases:
  description: The releases on the host, newest first, as of M(asgi.fleet.app_info).
  returned: with O(state=started)
  type: list
  elements: dict
  sample: [{id: 1.4.1-2c26b46b, state: live, built_at: 1790000000, built_by: ada}]
capacity:
  description: What a service may use, as of M(asgi.fleet.host_capacity).
  returned: with O(state=started)
  type: dict
  sample: {cores: 2, cores_source: affinity, memory_bytes: 1073741824, memory_source: MemTotal}
steps:
  description: What O(state=reverted) did, each with its seconds.
  returned: success
  type: list
  elements: dict
  sample: [{"step": "cut over", "seconds": 0.01}]
"""

import time
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils import cut_over, reversal, rollout
from ansible_collections.asgi.fleet.plugins.module_utils.capacity import read_own_capacity
from ansible_collections.asgi.fleet.plugins.module_utils.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.retention import (
    live_release,
    releases,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots import Application
from ansible_collections.asgi.fleet.plugins.module_utils.systemd import Refusal


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "id": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["started", "reverted", "ended"],
                "default": "started",
            },
            "holder": {"type": "str", "default": "unknown"},
            "take_over": {"type": "bool", "default": False},
            "release": {"type": "str"},
            "succeeded": {"type": "bool", "default": False},
            "health_path": {"type": "str", "default": "/healthz"},
            "health_host": {"type": "str", "default": "localhost"},
            "health_timeout": {"type": "float", "default": 60},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
        },
        required_if=[("state", "reverted", ["release"])],
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    steps: list[dict[str, object]] = []
    known: dict[str, object] = {}
    changed = False
    try:
        if module.params["state"] == "started":
            _start(application, module.params, check_mode=module.check_mode)
            known = _known(application)
        elif not module.check_mode and module.params["state"] == "reverted":
            outcome = _revert(application, module.params)
            changed, steps = outcome.changed, outcome.steps
        elif not module.check_mode:
            changed = _end(application, module.params)
    except (rollout.RolloutError, Refusal) as error:
        holder = rollout.holder(application)
        module.fail_json(
            msg=str(error),
            holder=asdict(holder) if holder else None,
            live=live_release(application),
        )
    holder = rollout.holder(application)
    module.exit_json(
        changed=changed,
        holder=asdict(holder) if holder else None,
        hooks_done=rollout.hooks_done(application),
        ended=rollout.ended(application),
        live=live_release(application),
        steps=steps,
        **known,
    )


def _known(application: Application) -> dict[str, object]:
    """Return what a rollout must know of the host before it begins."""
    return {"releases": releases(application), "capacity": asdict(read_own_capacity())}


def _start(application: Application, options: dict[str, Any], *, check_mode: bool) -> None:
    wanted = rollout.Holder(options["id"], options["holder"], int(time.time()))
    if check_mode:
        rollout.refuse_other(application, wanted, options["take_over"])
    else:
        rollout.acquire(application, wanted, options["take_over"])


def _revert(application: Application, options: dict[str, Any]) -> cut_over.Outcome:
    health = Health(
        path=options["health_path"],
        host=options["health_host"],
        timeout=options["health_timeout"],
        body="",
    )
    rollout.require_lock(application, options["id"])
    # An activation that lost its connection may still be at work: it ends first.
    with cut_over.exclusive(application, health.timeout + 120):
        return reversal.revert(
            application, options["release"], health, tuple(options["secret_names"])
        )


def _end(application: Application, options: dict[str, Any]) -> bool:
    holder = rollout.holder(application)
    if holder is None or holder.rollout != options["id"]:
        return False
    live = application.live_slot()
    changed = False
    if live is not None:
        with cut_over.exclusive(application, options["health_timeout"] + 120):
            changed = cut_over.settle(application, application.slot(live))
    if options["succeeded"] and options["release"]:
        reversal.finish(application, options["release"])
    rollout.note(application, "ended", options["release"] or "", rollout=options["id"])
    rollout.release(application, options["id"])
    return changed


if __name__ == "__main__":
    main()
