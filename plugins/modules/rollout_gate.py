#!/usr/bin/python
"""The documentation of the action plugin `rollout_gate`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_gate
short_description: Decide, once for all hosts, whether a rollout may continue
version_added: "0.1.0"
description:
  - Reads what M(asgi.fleet.rollout) with O(asgi.fleet.rollout#module:state=begun) returned for each
    host, from the variable C(rollout_begun). No host is contacted.
options:
  require:
    description:
      - V(locks) requires that this rollout holds every host's lock, except locks of rollouts that
        have ended.
      - V(live) requires that every host has a live release.
      - V(rollback) requires one release, present on every host, as the rollback target.
      - V(newer) requires that no host runs a newer release than the one that was packed for it (the
        variable C(__python_release_packed), which the role python_release sets). Of a folder, that
        is only told.
      - V(built) requires that every host has built its release (the variable
        C(python_release_result)).
      - V(backup) tells of each application whether a backup is to be made before its
        C(before_rollout) hooks, and requires nothing itself.
      - Each fails when the operator has asked the rollout to end (Ctrl-C).
    type: str
    choices: [locks, live, rollback, newer, built, backup]
    required: true
  hosts:
    description: The hosts of the rollout.
    type: list
    elements: str
    required: true
  release:
    description: With O(require=rollback), the release; empty for the previous one.
    type: str
    default: ""
  lines:
    description: Lines to print, such as the plan.
    type: list
    elements: str
    default: []
  unserved:
    description:
      - With O(require=locks), what comes of a host that has a live release and whose nginx does not
        answer. In check mode it is only told.
    type: str
    choices: [refused, told, ignored]
    default: ignored
  cache:
    description: Folder of the mirrors of git repositories, to compare commits.
    type: path
    default: ""
  allow_older:
    description: Only tell of hosts that run a newer release.
    type: bool
    default: false
  plan:
    description: With O(require=backup), what P(asgi.fleet.plan_waves#filter) returned.
    type: dict
    default: {}
  skip:
    description: With O(require=backup), the application that is migrated without a backup.
    type: str
    default: ""
  who:
    description: With O(require=backup), who runs the rollout.
    type: str
    default: ""
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Refuse a host that another rollout has locked
  asgi.fleet.rollout_gate:
    require: locks
    hosts: "{{ ansible_play_hosts }}"
  run_once: true
  register: rollout_locks
"""

RETURN = r"""
stale:
  description: Hosts whose lock belongs to a rollout that is known to have ended.
  returned: with O(require=locks)
  type: list
  elements: str
release:
  description: The rollback target.
  returned: with O(require=rollback)
  type: str
backups:
  description: What is decided, by application; those that need no backup are not there.
  returned: with O(require=backup)
  type: dict
  sample:
    shop:
      due: true
      host: web1
      age: 7200.0
      skipped_by: ""
      line: "shop: a backup is made on web1 and checked, before the migration"
"""
