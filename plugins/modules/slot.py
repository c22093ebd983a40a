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
options:
  name:
    description: Name of the application, used for units, folders and sockets.
    type: str
    required: true
  release:
    description: Folder of a complete release, C(/opt/<name>/releases/<id>).
    type: path
    required: true
  blue: &slot
    description: Contents of the slot's files.
    type: dict
    required: true
    suboptions:
      socket:
        description: The socket unit.
        type: str
        required: true
      service:
        description: The service unit.
        type: str
        required: true
      settings:
        description: The gunicorn.conf.py.
        type: str
        required: true
      worker:
        description: The module with the worker class.
        type: str
        required: true
      master:
        description: The module with what the master does.
        type: str
        required: true
      counts:
        description: The module that counts what the workers serve.
        type: str
        required: true
      logs:
        description: The module that writes log lines as JSON; empty if that is not wanted.
        type: str
        default: ""
      environment:
        description: The EnvironmentFile=, made by the filter P(asgi.fleet.environment_file#filter).
        type: str
        required: true
      timers:
        description: >-
          The units of the application's timers, each below a line with C(#), a colon and its name.
          They are the application's while the slot is live.
        type: str
        default: ""
      processes:
        description: The unit of each of O(processes), by its name.
        type: dict
        default: {}
  green: *slot
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
  health_body:
    description: Text that the answer must contain; empty accepts any answer.
    type: str
    default: ""
  health_timeout:
    description: Seconds that the slot may take to become healthy.
    type: float
    default: 60
  prefix:
    description: How the variables of path and host begin, for messages.
    type: str
    default: gunicorn_service_
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

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import (
    LockError,
    require_lock,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    Process,
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    ForeignError,
    claim,
)
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    heeding_signals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import OPTION, of_option
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    activation,
    recycling,
    recycling_files,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import (
    CutOver,
    Desired,
    Hooks,
    exclusive,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.slots.statics import is_published

FILES = {
    "type": "dict",
    "required": True,
    "options": {
        "socket": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "settings": {"type": "str", "required": True},
        "worker": {"type": "str", "required": True},
        "master": {"type": "str", "required": True},
        "counts": {"type": "str", "required": True},
        "logs": {"type": "str", "default": ""},
        "environment": {"type": "str", "required": True, "no_log": True},
        "timers": {"type": "str", "default": ""},
        "processes": {"type": "dict", "default": {}},
    },
}

PROCESSES = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "count": {"type": "int", "default": 1},
        "overlap": {"type": "bool", "default": True},
        "once_per_fleet": {"type": "bool", "default": False},
        "stop_timeout": {"type": "int", "default": 30},
    },
}

RECYCLE = {
    "type": "dict",
    "default": {},
    "options": {
        "after_seconds": {"type": "int", "default": 0},
        "memory_percent": {"type": "int", "default": 0},
        "place": {"type": "int", "default": 0},
        "hosts": {"type": "int", "default": 1},
        "service": {"type": "str", "default": ""},
        "timer": {"type": "str", "default": ""},
    },
}

HOOKS = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "command": {"type": "str", "required": True},
        "timeout": {"type": "float", "default": 300},
    },
}


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "release": {"type": "path", "required": True},
            "blue": FILES,
            "green": FILES,
            "workers": {"type": "int", "required": True},
            "health_path": {"type": "str", "default": "/healthz"},
            "health_host": {"type": "str", "default": "localhost"},
            "health_body": {"type": "str", "default": ""},
            "health_timeout": {"type": "float", "default": 60},
            "prefix": {"type": "str", "default": "gunicorn_service_"},
            "user": {"type": "str", "default": ""},
            "before_activate": HOOKS,
            "after_activate": HOOKS,
            "restart": {"type": "bool", "default": False},
            "keep_previous": {"type": "bool", "default": False},
            "rollout": {"type": "str", "default": ""},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "sandbox": OPTION,
            "memory_max": {"type": "str", "default": ""},
            "static": {"type": "dict", "default": {}},
            "recycle": RECYCLE,
            "processes": PROCESSES,
            "singletons": {"type": "bool"},
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    desired = Desired(
        release=options["release"],
        files={slot: _files(options[slot]) for slot in SLOTS},
        health=Health(
            path=options["health_path"],
            host=options["health_host"],
            timeout=options["health_timeout"],
            body=options["health_body"],
            prefix=options["prefix"],
        ),
        workers=options["workers"],
        secret_names=tuple(options["secret_names"]),
        hooks=Hooks(
            user=options["user"],
            before=options["before_activate"],
            after=options["after_activate"],
            sandbox=of_option(options["sandbox"]),
            memory_max=options["memory_max"],
        ),
        static=options["static"],
        processes=tuple(Process(**process) for process in options["processes"]),
        process_files={slot: options[slot]["processes"] for slot in SLOTS},
        singletons=options["singletons"],
    )
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


def _files(options: dict[str, Any]) -> dict[str, str]:
    """Return the slot's own files, without the units of its processes."""
    return {kind: text for kind, text in options.items() if kind != "processes"}


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
