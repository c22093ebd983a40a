#!/usr/bin/python
"""Begin a rollout on a host, revert it there, and end it."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Begin a rollout on a host, revert it there, and end it
version_added: "0.1.0"
description:
  - A rollout holds the lock of its application on every host from O(state=begun) to
    O(state=ended), so that two rollouts cannot work on one host at the same time. The lock is the
    file C(/var/lib/<name>/rollout.lock), which says who holds it. A run that was killed leaves it
    behind. The next run reports who holds it and since when, and can take it over.
  - O(state=begun) also returns what a rollout must know about the host, to save further calls.
  - O(state=reverted) makes the slot live again that the rollout of O(release) has replaced on this
    host, with its settings and its environment. Until the rollout has ended, that slot still runs,
    and the revert is a rename.
  - O(state=ended) lets the slot that is no longer live drain and stop, records a success, and
    releases the lock. If another rollout took the lock over, it does nothing.
extends_documentation_fragment:
  - asgi.fleet.health
  - asgi.fleet.front
  - asgi.fleet.journal
options:
  name:
    description: The application.
    type: str
    required: true
  id:
    description: Id of the rollout.
    type: str
    required: true
  user:
    description:
      - The account that runs the application; empty for the application's name. O(state=begun)
        refuses a name that something else on the host has already, as M(asgi.fleet.claim) does.
    type: str
    default: ""
  state:
    description: What to do.
    type: str
    choices: [begun, reverted, ended]
    default: begun
  holder:
    description: Who runs the rollout, for the message that other rollouts get.
    type: str
    default: unknown
  take_over:
    description: Take the lock even if another rollout holds it.
    type: bool
    default: false
  ended_rollouts:
    description:
      - Ids of rollouts that are known to have ended, as O(state=begun) returned them on other
        hosts. A host that was down at that time may still hold the lock of one of them.
    type: list
    elements: str
    default: []
  release:
    description:
      - Id of the release that is rolled out. O(state=reverted) needs it, O(state=ended) records it.
    type: str
  succeeded:
    description: With O(state=ended), whether the rollout succeeded on all hosts.
    type: bool
    default: false
  keep:
    description:
      - With O(state=ended), remove old releases except this number, and never the live, the
        previous or a pinned one. If it is not set, none is removed.
    type: int
  log:
    description:
      - With O(state=ended), nginx's log of the application, to count what was served since the
        rollout began. Empty counts nothing.
    type: path
    default: ""
  ignore_paths:
    description: With O(log), paths whose requests do not count, such as those of health checks.
    type: list
    elements: str
    default: []
  told:
    description:
      - With O(state=ended), what the host keeps of the rollout besides its id, its times, who ran
        it and what was served, in C(/var/lib/<name>/rollouts/<id>.json). Without any, nothing is
        kept. A host remembers 100 rollouts.
    type: dict
    default: {}
  health_timeout:
    description: Seconds that the old slot may take to become healthy, if it has to start again.
    type: float
    default: 60
attributes:
  check_mode:
    description: Makes the same refusals, and changes nothing.
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

- name: Revert the host from a bad release
  asgi.fleet.rollout:
    name: shop
    id: 20261121T061000-5f3a
    state: reverted
    release: 1.4.2-9f86d081
    health_host: shop.example.com

- name: Stop the old slot, and release the lock
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
acquired:
  description: Whether this rollout holds the lock now; if not, RV(holder) says who does.
  returned: with O(state=begun)
  type: bool
hooks_done:
  description: Hooks that ran and need not run again for their release.
  returned: success
  type: list
  elements: dict
  sample: [{phase: before_rollout, release: 1.4.2-9f86d081}]
ended:
  description: Ids of the last rollouts that released the lock on this host, the latest last.
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
  description: The releases on the host, newest first, as M(asgi.fleet.app_info) returns them.
  returned: with O(state=begun)
  type: list
  elements: dict
  sample: [{id: 1.4.1-2c26b46b, state: live, built_at: 1790000000, built_by: ada}]
capacity:
  description: Cores and memory that a service may use, as M(asgi.fleet.host_capacity) says.
  returned: with O(state=begun)
  type: dict
  sample: {cores: 2, cores_source: affinity, memory_bytes: 1073741824, memory_source: MemTotal}
memory:
  description:
    - What the live slot holds in MiB, shared pages divided among its processes; null if none runs.
  returned: with O(state=begun)
  type: dict
  sample: {workers: 4, largest_mb: 23, slot_mb: 92}
singletons:
  description:
    - Whether what runs once in a fleet runs here, whether the host is drained, and whether what is
      live has anything of the kind.
  returned: with O(state=begun)
  type: dict
  sample: {here: true, away: false, planned: true}
front:
  description:
    - What a visitor meets on the host, as C(nginx), C(https) and C(maintenance_since) of
      M(asgi.fleet.app_info); null without O(https_port), and at the end without a live release.
  returned: with O(state=begun) and O(state=ended)
  type: dict
backups:
  description: What is known of the last backups, as M(asgi.fleet.backup) returns it.
  returned: with O(state=begun)
  type: dict
  sample: {last_good: 1795241400, timer: true, running: false}
receipt:
  description:
    - What nginx served since the rollout began, with O(log); null if that cannot be known. Times
      are Unix times.
  returned: with O(state=ended)
  type: dict
  contains:
    start:
      description: The first moment that counts.
      type: float
    end:
      description: The last one.
      type: float
    requests:
      description: How many requests the application got.
      type: int
    failed:
      description: How many of them were answered with a status from 500 to 599.
      type: int
    by_release:
      description: Both, by the release that was live when the request came.
      type: dict
      sample: {"1.4.1-2c26b46b": {"requests": 1200, "failed": 0}}
    latency_ms:
      description: How many requests took how many milliseconds until the answer began.
      type: dict
      sample: {"4": 1100, "5": 100}
    gaps:
      description: The longest times without an answer, in order; null where nothing is known.
      type: list
      elements: list
    shortest_gap:
      description: No longer gap was left out, in seconds; 0 if none was.
      type: float
    bin_seconds:
      description: The width of the bins.
      type: int
    bins:
      description: The beginning of each bin that is not empty, its requests, and how many failed.
      type: list
      elements: list
      sample: [[1795241400, 600, 0], [1795241401, 600, 0]]
removed:
  description: Ids of the releases that were (or in check mode would be) removed.
  returned: with O(state=ended)
  type: list
  elements: str
refused:
  description:
    - What the sandbox refused to the live slot since it went live, as far as its journal tells, and
      the line that allows it.
  returned: with O(state=ended)
  type: list
  elements: dict
  sample: []
steps:
  description: What O(state=reverted) did, each with its seconds.
  returned: success
  type: list
  elements: dict
  sample: [{"step": "cut over", "seconds": 0.01}]
"""

import time
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application import (
    history,
    lock,
    provenance,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    heeding_signals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.releases.pruning import prune
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import live_release
from ansible_collections.asgi.fleet.plugins.module_utils.rollout import phases
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.survey.front import Visit


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "id": {"type": "str", "required": True},
            "user": {"type": "str", "default": ""},
            "state": {
                "type": "str",
                "choices": ["begun", "reverted", "ended"],
                "default": "begun",
            },
            "holder": {"type": "str", "default": "unknown"},
            "take_over": {"type": "bool", "default": False},
            "ended_rollouts": {"type": "list", "elements": "str", "default": []},
            "release": {"type": "str"},
            "succeeded": {"type": "bool", "default": False},
            "keep": {"type": "int"},
            "log": {"type": "path", "default": ""},
            "ignore_paths": {"type": "list", "elements": "str", "default": []},
            "told": {"type": "dict", "default": {}},
            "health_path": {"type": "str", "default": "/healthz"},
            "health_host": {"type": "str", "default": "localhost"},
            "health_timeout": {"type": "float", "default": 60},
            "https_port": {"type": "int", "default": 0},
            "https_path": {"type": "str", "default": "/healthz"},
            "certificate": {"type": "str", "default": ""},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
        },
        required_if=[("state", "reverted", ["release"])],
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    try:
        with heeding_signals():
            result = STEPS[module.params["state"]](application, module)
    except (
        BuildError,
        ControllerGone,
        OSError,
        Refusal,
        UnsafeFolderError,
        lock.LockError,
        provenance.ForeignError,
    ) as error:
        module.refuse(error, holder=lock.holder(application), live=live_release(application))
    module.exit_json(
        **{
            "holder": lock.holder(application),
            "hooks_done": history.hooks_done(application),
            "ended": history.ended(application),
            "live": live_release(application),
            **result,
        }
    )


def _begin(application: Application, module: Module) -> dict[str, object]:
    options = module.params
    wanted: Holder = {"rollout": options["id"], "who": options["holder"], "since": int(time.time())}
    return phases.begin(
        application,
        wanted,
        user=options["user"],
        take_over=options["take_over"],
        ended=options["ended_rollouts"],
        visit=_visit(options),
        check_mode=module.check_mode,
    )


def _revert(application: Application, module: Module) -> dict[str, object]:
    options = module.params
    if module.check_mode:
        return {"changed": False, "steps": []}
    health = Health(
        path=options["health_path"],
        host=options["health_host"],
        timeout=options["health_timeout"],
    )
    done = phases.revert(
        application, options["id"], options["release"], health, tuple(options["secret_names"])
    )
    return {"changed": done.changed, "steps": done.steps}


def _end(application: Application, module: Module) -> dict[str, object]:
    options = module.params
    if module.check_mode:
        keep = options["keep"]
        holder = lock.holder(application)
        # In check mode the lock was not taken: nobody has it, or another rollout does.
        others = holder is not None and holder["rollout"] != options["id"]
        idle = keep is None or others
        removed = [] if idle else prune(application, keep, check_mode=True)
        return {"changed": bool(removed), "removed": removed, "front": None, "receipt": None}
    return phases.end(
        application,
        options["id"],
        options["release"] or "",
        succeeded=options["succeeded"],
        keep=options["keep"],
        health_timeout=options["health_timeout"],
        visit=_visit(options),
        account=phases.Account(
            log=options["log"], ignore_paths=options["ignore_paths"], told=options["told"]
        ),
    )


def _visit(options: dict[str, Any]) -> Visit:
    return Visit(
        domain=options["health_host"],
        path=options["https_path"],
        port=options["https_port"],
        certificate=options["certificate"],
    )


STEPS = {"begun": _begin, "reverted": _revert, "ended": _end}


if __name__ == "__main__":
    main()
