#!/usr/bin/python
"""Make a backup of an application's data, or have a timer of the host make them."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Make a backup of an application's data, and have a timer make them
version_added: "0.1.0"
description:
  - Runs the application's own command for a backup, then its check, both as the application's
    service would run them. They have its account, its environment with its secrets, the folder and
    the C(PATH) of the live release, and its sandbox. Before the first release is live, they have
    those of O(release).
  - Both get a folder of their own, the variable C(BACKUP_DIRECTORY), which they may write. What is
    in it after a good backup stays in C(/var/backups/<name>). A failed one leaves nothing.
  - What came of it is in C(/var/lib/<name>/backup.json), with the last good one.
  - It runs to its end, also if the controller is gone meanwhile.
options:
  name:
    description: The application.
    type: str
    required: true
  state:
    description:
      - V(made) makes one, and fails if that fails.
      - V(looked) returns what is known of the last ones.
      - V(scheduled) has a timer make them, without a controller. It is on each host, and elapses
        on the one that has what runs once in the fleet (M(asgi.fleet.singletons)), where the first
        one begins now if there is none yet.
      - V(unscheduled) ends that.
    type: str
    choices: [made, looked, scheduled, unscheduled]
    default: made
  command:
    description: Makes the backup; for C(/bin/sh).
    type: str
    default: ""
  check:
    description: Fails if the backup cannot be read; for C(/bin/sh).
    type: str
    default: ""
  timeout:
    description: Seconds that each of the two may take.
    type: float
    default: 3600
  keep:
    description: How many good backups stay in C(/var/backups/<name>).
    type: int
    default: 7
  max_age:
    description: Seconds up to which the last good one is fresh; V(0) makes one in any case.
    type: float
    default: 0
  schedule:
    description: When the timer makes one, C(OnCalendar=) of systemd.timer(5).
    type: str
    default: daily
  by:
    description: Who makes it, for the record.
    type: str
    default: somebody
  release:
    description: Folder of the release that is used if none is live; empty for none.
    type: path
    default: ""
  user:
    description: The account that runs O(release).
    type: str
    default: ""
  environment:
    description:
      - The application's environment, made by the filter P(asgi.fleet.environment_file#filter).
        Empty for that of the live slot.
    type: str
    default: ""
  public_names:
    description:
      - Variables of the environment whose values may be shown. Those of all others are hidden.
    type: list
    elements: str
    default: []
  memory_max:
    description: Limit of its memory, C(MemoryMax=) of systemd.resource-control(5).
    type: str
    default: ""
extends_documentation_fragment:
  - asgi.fleet.sandbox
  - asgi.fleet.refusal
attributes:
  check_mode:
    description: Says what would be done.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: With O(max_age), and with V(scheduled) and V(unscheduled).
    support: partial
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Make a backup of the shop's database, unless there is one of the last hour
  asgi.fleet.backup:
    name: shop
    command: pg_dump --format=custom --file="$BACKUP_DIRECTORY/shop.dump" "$DATABASE_URL"
    check: pg_restore --list "$BACKUP_DIRECTORY/shop.dump"
    max_age: 3600
    by: ada@laptop
"""

RETURN = r"""
backup:
  description: With V(made), the backup that was made, or the one that is fresh; null in check mode.
  returned: with V(made)
  type: dict
  sample:
    began: 1795241400
    ended: 1795241412
    by: the timer
    release: 1.4.2-9f86d081
    good: true
    problem: ""
    status: 0
    check: 0
    lines: []
    size: 1204224
    folder: /var/backups/shop/20261121T061000Z
backups:
  description: What is known of the last good one and of the last attempt, and how the host stands.
  returned: always
  type: dict
  sample: {last_good: 1795241400, timer: true, running: false, units: true}
files:
  description: Files and links that were, or would be, written or removed.
  returned: with V(scheduled) and V(unscheduled)
  type: list
  elements: str
"""

import time
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application import provenance
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import PlaceError
from ansible_collections.asgi.fleet.plugins.module_utils.backups import making, record, schedule
from ansible_collections.asgi.fleet.plugins.module_utils.backups.making import Surroundings
from ansible_collections.asgi.fleet.plugins.module_utils.backups.timer import in_live, job_of
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import REFUSAL, Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.operation.commands import CommandError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.backup import Backup, is_fresh
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import OPTION, of_option

#: What the program of the timer has to know.
CONFIGURED = (
    *("name", "command", "check", "timeout", "keep", "public_names", "sandbox", "memory_max"),
)


class NoBackupError(Exception):
    """A backup could not be made, or not be read; the message says why."""


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            **REFUSAL,
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["made", "looked", "scheduled", "unscheduled"],
                "default": "made",
            },
            "command": {"type": "str", "default": ""},
            "check": {"type": "str", "default": ""},
            "timeout": {"type": "float", "default": 3600},
            "keep": {"type": "int", "default": 7},
            "max_age": {"type": "float", "default": 0},
            "schedule": {"type": "str", "default": "daily"},
            "by": {"type": "str", "default": "somebody"},
            "release": {"type": "path", "default": ""},
            "user": {"type": "str", "default": ""},
            "environment": {"type": "str", "default": "", "no_log": True},
            "public_names": {"type": "list", "elements": "str", "default": []},
            "memory_max": {"type": "str", "default": ""},
            "sandbox": OPTION,
        },
        required_if=[
            ("state", "made", ["command", "check"]),
            ("state", "scheduled", ["command", "check", "schedule"]),
        ],
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    try:
        result = STEPS[module.params["state"]](application, module)
    except (
        CommandError,
        ControllerGone,
        NoBackupError,
        OSError,
        PlaceError,
        Refusal,
        UnsafeFolderError,
        provenance.ForeignError,
    ) as error:
        module.refuse(error, backups=record.look(application))
    module.exit_json(**{"backups": record.look(application), **result})


def _made(application: Application, module: Module) -> dict[str, Any]:
    options = module.params
    if module.check_mode:
        known = record.read(application)["last_good"]
        fresh = is_fresh(known, time.time(), options["max_age"])
        return {"changed": not (options["max_age"] and fresh), "backup": None}
    job = job_of(options)
    inside = _surroundings(application, options)
    try:
        done = making.make(application, job, inside, options["by"], options["max_age"])
    except TimeoutError:
        raise NoBackupError(
            f"another backup of {application.name} still runs on this host after "
            f"{job.longest:g} s; expected it to end; see it: systemctl status "
            f"asgi-fleet-{application.name}-{making.PURPOSE}.service"
        ) from None
    if not done.backup["good"]:
        raise NoBackupError(_told(application, done.backup))
    return {"changed": done.made, "backup": done.backup}


def _surroundings(application: Application, options: dict[str, Any]) -> Surroundings:
    """Return the live release's, or before the first one those of the release to come."""
    environment = parse_environment(options["environment"])
    secret_names = [name for name in environment if name not in options["public_names"]]
    if application.live_slot() is None and options["release"]:
        return Surroundings(
            release=options["release"],
            user=options["user"] or application.name,
            environment=environment,
            secret_names=secret_names,
            sandbox=of_option(options["sandbox"]),
            memory_max=options["memory_max"],
        )
    found = in_live(application, options)
    if not environment:
        return found
    return making.replaced(found, environment, secret_names)


def _told(application: Application, backup: Backup) -> str:
    lines = "".join(f"\n  {line}" for line in backup["lines"])
    end = f". The end of its output:{lines}" if lines else ", and printed nothing"
    return f"no backup of {application.name}: {backup['problem']}{end}"


def _looked(_application: Application, _module: Module) -> dict[str, Any]:
    return {"changed": False}


def _scheduled(application: Application, module: Module) -> dict[str, Any]:
    config = {name: module.params[name] for name in CONFIGURED}
    files = schedule.schedule(
        application, config, module.params["schedule"], check_mode=module.check_mode
    )
    return {"changed": bool(files), "files": files}


def _unscheduled(application: Application, module: Module) -> dict[str, Any]:
    files = schedule.unschedule(application, check_mode=module.check_mode)
    return {"changed": bool(files), "files": files}


STEPS = {
    "made": _made,
    "looked": _looked,
    "scheduled": _scheduled,
    "unscheduled": _unscheduled,
}


if __name__ == "__main__":
    main()
