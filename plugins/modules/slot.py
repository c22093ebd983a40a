#!/usr/bin/python
"""Bring a release live in the idle one of an application's two slots."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: slot
short_description: Bring a release live in the idle slot, or leave everything unchanged
version_added: "0.1.0"
description:
  - Compares the live slot with the wanted one. If anything differs, writes the idle slot's files,
    starts it, waits until each of its workers and its socket answer the health path with 200,
    enables its units, points C(/var/lib/<name>/live.sock) at it by rename(2), and lets the old slot
    drain in the background.
  - A release that does not become healthy is stopped and never takes traffic; the message has the
    last lines of its journal.
  - All of this happens on the host in one module, so that a lost connection cannot interrupt it.
extends_documentation_fragment:
  - asgi.fleet.sandbox
  - asgi.fleet.health
  - asgi.fleet.journal
  - asgi.fleet.slot
  - asgi.fleet.slot.pair
  - asgi.fleet.refusal
options:
  name:
    description: Name of the application, used for units, folders and sockets.
    type: str
    required: true
  release:
    description: Folder of a complete release, C(/opt/<name>/releases/<id>).
    type: path
    required: true
  workers:
    description: How many workers must have answered before the slot is healthy.
    type: int
    required: true
  processes:
    description:
      - What runs of the release besides its web workers. It starts when the slot is healthy, and
        must stay up, before the slot goes live; then that of the old slot is stopped.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Part of the names of its units.
        type: str
        required: true
      count:
        description: How many of it run.
        type: int
        default: 1
      overlap:
        description: Whether the new one may start while the old one runs.
        type: bool
        default: true
      once_per_fleet:
        description: Whether it runs only on the host of a fleet that has O(singletons).
        type: bool
        default: false
      stop_timeout:
        description: Seconds that it may take to end.
        type: int
        default: 30
  singletons:
    description:
      - Whether what runs once in a fleet runs on this host. If it is not set, that stays as it is.
    type: bool
  user:
    description: The account that runs the hooks.
    type: str
    default: ""
  before_activate: &hooks
    description:
      - Commands to run in the new release on this host, before it starts or after it went live.
      - If one fails, the slot that was live goes live again, and the new one is stopped.
    type: list
    elements: dict
    default: []
    suboptions:
      command:
        description: For C(/bin/sh).
        type: str
        required: true
      timeout:
        description: Seconds after which it is killed.
        type: float
        default: 300
  after_activate: *hooks
  restart:
    description: Cut over to the idle slot even if nothing differs.
    type: bool
    default: false
  keep_previous:
    description:
      - Keep the slot that was live running, so that M(asgi.fleet.rollout) with
        O(asgi.fleet.rollout#module:state=reverted) reverts by a rename;
        O(asgi.fleet.rollout#module:state=ended) stops that slot.
    type: bool
    default: false
  rollout:
    description:
      - Id of the rollout that must hold the lock, see M(asgi.fleet.rollout); empty for none.
    type: str
    default: ""
  memory_max:
    description: Limit of memory of a command, C(MemoryMax=) of systemd.resource-control(5).
    type: str
    default: ""
  static:
    description:
      - Folders of the source that nginx serves, by the path under which visitors ask for them.
        Their files are published below C(/opt/<name>/static/live) in the moment of the cut-over,
        those of the release before below C(former). Links and hidden files are left out.
    type: dict
    default: {}
  recycle:
    description:
      - When this host itself starts the live release anew in the other slot, by a timer; empty for
        never. What does so is written, or removed, after the activation.
    type: dict
    default: {}
    suboptions:
      after_seconds:
        description: The age of the master from which on that is due; 0 for any.
        type: int
        default: 0
      memory_percent:
        description: The share of C(MemoryMax=) from which on that is due; 0 for any.
        type: int
        default: 0
      place:
        description: Which of the hosts this one is, from 0 on; they take turns.
        type: int
        default: 0
      hosts:
        description: How many hosts there are.
        type: int
        default: 1
      start_seconds:
        description:
          - The longest time that a recycle may take on any of them, until its slot is live; their
            turns are equally long. V(0) for that of this host.
        type: float
        default: 0
      service:
        description: The unit of the program.
        type: str
        default: ""
      timer:
        description: The timer.
        type: str
        default: ""
attributes:
  check_mode:
    description: Reports what would change and why, without starting anything.
    support: full
  diff_mode:
    description: Shows the files that differ; values of the environment are hidden.
    support: full
  idempotent:
    description: Nothing changes while the live slot runs the wanted release with the wanted files.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Bring the release live
  asgi.fleet.slot:
    name: shop
    release: /opt/shop/releases/1.4.2-9f86d081
    workers: 3
    health_host: shop.example.com
    blue: "{{ blue_files }}"
    green: "{{ green_files }}"
"""

RETURN = r"""
slot:
  description: The slot that is live now (or would be, in check mode).
  returned: success
  type: str
  sample: green
previous_slot:
  description: The slot that was live before; null at the first activation.
  returned: success
  type: str
  sample: blue
reasons:
  description: Why a cut-over was needed; empty if it was not.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: >-
        V(first), V(release), V(restart), V(stopped), or the file of the slot that differs,
        V(socket), V(service), V(settings), V(worker), V(master), V(counts), V(logs),
        V(environment), V(timers) or V(processes).
      type: str
    text:
      description: The same for people.
      type: str
  sample: [{"kind": "release", "text": "release 1.4.1-2c26b46b -> 1.4.2-9f86d081"}]
environment:
  description: Names of the variables of the environment that differ from the live slot's.
  returned: success in check mode
  type: dict
  sample: {added: [], changed: [LOG_LEVEL], removed: []}
steps:
  description: What was done, each with its seconds.
  returned: success
  type: list
  elements: dict
  sample: [{"step": "start until healthy", "seconds": 1.32}]
notes:
  description: What to know about the host, such as a device that the application cannot see.
  returned: success
  type: list
  elements: str
  sample: []
at:
  description: When it was done, by the host's clock (Unix time); later requests are in nginx's log.
  returned: success
  type: float
  sample: 1795241400.5
"""

import os
import syslog
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import (
    LockError,
    require_lock,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    ForeignError,
    claim,
)
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import REFUSAL, Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    heeding_signals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    activation,
    recycling,
    recycling_files,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import (
    CutOver,
    Desired,
    exclusive,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.options import DESIRED, desired_of
from ansible_collections.asgi.fleet.plugins.module_utils.slots.statics import is_published

RECYCLE = {
    "type": "dict",
    "default": {},
    "options": {
        "after_seconds": {"type": "int", "default": 0},
        "memory_percent": {"type": "int", "default": 0},
        "place": {"type": "int", "default": 0},
        "hosts": {"type": "int", "default": 1},
        "start_seconds": {"type": "float", "default": 0},
        "service": {"type": "str", "default": ""},
        "timer": {"type": "str", "default": ""},
    },
}


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            **REFUSAL,
            **DESIRED,
            "name": {"type": "str", "required": True},
            "restart": {"type": "bool", "default": False},
            "keep_previous": {"type": "bool", "default": False},
            "rollout": {"type": "str", "default": ""},
            "recycle": RECYCLE,
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    desired = desired_of(options)
    try:
        with heeding_signals():
            result = run(
                application,
                desired,
                restart=options["restart"],
                keep_previous=options["keep_previous"],
                rollout_id=options["rollout"],
                recycle=options["recycle"] if options["recycle"].get("timer") else {},
                check_mode=module.check_mode,
            )
    except ControllerGone as gone:
        # Nobody reads the answer. Not module.log(), which is silent with `no_target_syslog`.
        syslog.openlog("asgi.fleet")
        syslog.syslog(syslog.LOG_NOTICE, f"{application.name}: {gone}")
        module.refuse(gone)
    except (ForeignError, LockError, OSError, Refusal, UnsafeFolderError) as refusal:
        module.refuse(refusal)
    module.exit_json(**result)


def run(
    application: Application,
    desired: Desired,
    *,
    restart: bool,
    keep_previous: bool,
    rollout_id: str,
    recycle: Mapping[str, Any],
    check_mode: bool,
) -> dict[str, object]:
    """Plan, and unless in check mode carry out; return what the module returns."""
    claim(application, desired.hooks.user, check_mode=check_mode, parents=["opt", "etc", "var/lib"])
    if check_mode:
        todo = _plan(application, desired, restart)
        moves = desired.singletons not in (None, runs_singletons(application))
        changed = (
            todo.cut_over
            or moves
            or not is_published(application, desired.release, desired.static)
            or not recycling_files.is_installed(application, desired, recycle)
        )
        outcome = CutOver(changed, todo.slot, application.live_slot())
        result = _result(todo, outcome, activation.diff(application, desired, todo.slot))
        return result | {"environment": activation.environment_changes(application, desired)}
    if not os.path.exists(os.path.join(desired.release, "manifest.json")):
        raise Refusal(
            f"{desired.release} is not a complete release: it has no manifest.json; "
            "run the deploy again to build it"
        )
    asked = time.time()
    # A running activation needs at most the health timeout and a drain of the idle slot.
    with exclusive(application, desired.health.timeout + 120):
        if rollout_id:
            require_lock(application, rollout_id)
        todo = _plan(application, desired, restart)
        diff = activation.diff(application, desired, todo.slot)
        outcome = activation.activate(application, desired, todo, keep_previous)
        outcome.notes += recycling.met(application, asked)
        outcome.notes += recycling.unseen(
            application, recycle.get("memory_percent", 0), desired.health.prefix
        )
        outcome.changed |= recycling_files.install(application, desired, recycle)
        return _result(todo, outcome, diff)


def _plan(application: Application, desired: Desired, restart: bool) -> activation.CutOverPlan:
    active = activation.live_is_active(application)
    return activation.plan(application, desired, active, restart)


def _result(
    todo: activation.CutOverPlan, outcome: CutOver, diff: list[dict[str, str]]
) -> dict[str, object]:
    return {
        "changed": outcome.changed,
        "slot": outcome.slot,
        "previous_slot": outcome.previous_slot,
        "reasons": list(todo.reasons),
        "steps": outcome.steps,
        "notes": outcome.notes,
        "diff": diff,
        "at": time.time(),
    }


if __name__ == "__main__":
    main()
