#!/usr/bin/python
"""Measure a series of worker counts on a host, and leave the host as it was."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: tune
short_description: Measure how many workers suit a host
version_added: "0.1.0"
description:
  - Starts the live release with one number of workers after the other, in a slot of its own beside
    the live one, and puts load on it through an nginx of its own on loopback. The live slot, the
    idle one and the host's nginx are not touched.
  - The load tool is wrk. If the host has none, the distribution's package is unpacked into a
    folder, and not installed.
  - The application is locked meanwhile. A unit of systemd, the keeper, puts everything away when
    this module ends, whether it succeeds, is interrupted or is killed.
extends_documentation_fragment:
  - asgi.fleet.health
  - asgi.fleet.journal
  - asgi.fleet.slot
  - asgi.fleet.slot.other
options:
  name:
    description: The application.
    type: str
    required: true
  release:
    description: Folder of the live release.
    type: path
    required: true
  id:
    description: Under which id the application is locked.
    type: str
    required: true
  who:
    description: Who measures, for the lock.
    type: str
    required: true
  steps:
    description: The numbers of workers, and the limits of a slot that has them.
    type: list
    elements: dict
    required: true
    suboptions:
      workers:
        description: How many workers.
        type: int
        required: true
      memory_max_mb:
        description: C(MemoryMax=) of the unit, in MB.
        type: int
        required: true
      tasks_max:
        description: C(TasksMax=) of the unit.
        type: int
        required: true
  rounds:
    description: How often each number is measured.
    type: int
    default: 3
  seconds:
    description: How long the load of one measurement lasts.
    type: int
    default: 10
  warm_seconds:
    description: How long the load before it lasts, which does not count.
    type: int
    default: 3
  connections:
    description: How many requests are under way at once.
    type: int
    default: 64
  script:
    description: The load tool's script, made by the filter P(asgi.fleet.load_script#filter).
    type: str
    required: true
  socket_group:
    description: The group that may open the slot's socket.
    type: str
    default: www-data
  root_path:
    description: What visitors' paths begin with, and those of the application do not.
    type: str
    default: ""
  keepalive:
    description: Idle connections that each of nginx's processes keeps to the slot.
    type: int
    default: 32
attributes:
  check_mode:
    description: Measures nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Measure one and two workers
  asgi.fleet.tune:
    name: shop
    release: /opt/shop/releases/1.4.2-9f86d081
    files: "{{ tune_files }}"
    id: tune-20261128T120000-5f3a
    who: ada@laptop
    steps:
      - {workers: 1, memory_max_mb: 768, tasks_max: 256}
      - {workers: 2, memory_max_mb: 1024, tasks_max: 384}
    script: "{{ tune_requests | asgi.fleet.load_script('shop.example.com') }}"
"""

RETURN = r"""
measured:
  description: The measurements, in their order; empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    workers:
      description: How many workers there were.
      type: int
    round:
      description: In which round.
      type: int
    rps:
      description: Requests a second.
      type: float
    p50_ms:
      description: Half of the requests took at most so long.
      type: float
    p99_ms:
      description: 99 in 100 took at most so long.
      type: float
    requests:
      description: How many were answered.
      type: int
    memory_mb:
      description: What the workers had together (PSS).
      type: float
    largest_mb:
      description: What the largest of them had.
      type: float
    connections:
      description: Open TCP connections of the workers, by the address they lead to.
      type: dict
    busy_percent:
      description: How busy the host was just before.
      type: float
    steal_percent:
      description: What other guests of the machine below took meanwhile.
      type: float
    problem:
      description: Why it does not count; empty if it does.
      type: str
"""

import syslog
import time

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import LockError
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    heeding_signals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.slots.options import (
    FILES,
    START,
    health_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.front import Front
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.measurement import (
    Wanted,
    measure,
)
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import Step

STEPS = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "workers": {"type": "int", "required": True},
        "memory_max_mb": {"type": "int", "required": True},
        "tasks_max": {"type": "int", "required": True},
    },
}


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            **START,
            "name": {"type": "str", "required": True},
            "release": {"type": "path", "required": True},
            "files": FILES,
            "id": {"type": "str", "required": True},
            "who": {"type": "str", "required": True},
            "steps": STEPS,
            "rounds": {"type": "int", "default": 3},
            "seconds": {"type": "int", "default": 10},
            "warm_seconds": {"type": "int", "default": 3},
            "connections": {"type": "int", "default": 64},
            "script": {"type": "str", "required": True, "no_log": True},
            "socket_group": {"type": "str", "default": "www-data"},
            "root_path": {"type": "str", "default": ""},
            "keepalive": {"type": "int", "default": 32},
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    if module.check_mode:
        module.exit_json(changed=False, measured=[])
    holder: Holder = {
        "rollout": options["id"],
        "who": options["who"],
        "since": int(time.time()),
    }
    wanted = Wanted(
        release=options["release"],
        files=options["files"],
        health=health_of(options),
        steps=[Step(**step) for step in options["steps"]],
        rounds=options["rounds"],
        seconds=options["seconds"],
        warm_seconds=options["warm_seconds"],
        connections=options["connections"],
        script=options["script"],
        front=Front(options["socket_group"], options["root_path"], options["keepalive"]),
        secret_names=tuple(options["secret_names"]),
    )
    try:
        with heeding_signals():
            measured = measure(application, wanted, holder)
    except ControllerGone as gone:
        # Nobody reads the answer. Not module.log(), which is silent with `no_target_syslog`.
        syslog.openlog("asgi.fleet")
        syslog.syslog(syslog.LOG_NOTICE, f"{application.name}: {gone}")
        module.refuse(gone)
    except (LockError, OSError, Refusal, UnsafeFolderError) as refusal:
        module.refuse(refusal)
    # What it has changed is as it was.
    module.exit_json(changed=False, measured=measured)


if __name__ == "__main__":
    main()
