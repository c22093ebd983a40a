#!/usr/bin/python
"""The documentation of the action plugin `drill_control`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_control
short_description: Do what a drill needs on the controller
version_added: "0.1.0"
description:
  - The part of C(playbooks/drill.yml) that happens on the controller. It is not meant for other
    playbooks.
  - Calls C(ansible-playbook) for the releases, rollbacks and restarts of a drill, with the
    inventory, the variables and the options of the present command line. Those that ask for a
    password are refused.
  - A release is made of the source of the live release, with some lines at the end of one file.
  - Reads the results that the playbook registers for each host.
options:
  step:
    description:
      - V(checked) reads the variables of the command line, and reports all that is wrong, before a
        host is contacted.
      - V(ready) refuses a fleet that is not well (C(fleet_look)).
      - V(chosen) says whether and where an exercise is done.
      - V(played) runs its playbook. V(paused) waits.
      - V(judged) returns the row of an exercise.
      - V(mended) rolls back if a host has another release live than O(release), or is locked.
      - V(closed) returns the scorecard, and writes it beside the records of rollouts.
    type: str
    choices: [checked, ready, chosen, played, paused, judged, mended, closed]
    required: true
  hosts:
    description: The hosts.
    type: list
    elements: str
    required: true
  request:
    description: What V(checked) has returned.
    type: dict
    default: {}
  release:
    description: The release that was live when the drill began.
    type: str
    default: ""
  exercise:
    description: One of the exercises that V(checked) has returned.
    type: dict
    default: {}
  number:
    description: Its place among them, from 0 on.
    type: int
    default: 0
  choice:
    description: What V(chosen) has returned.
    type: dict
    default: {}
  why:
    description: Why the exercise, or its playbook, is not done; empty if it is.
    type: str
    default: ""
  seconds:
    description: How long V(paused) waits.
    type: int
    default: 0
  rows:
    description: The rows of the scorecard.
    type: list
    elements: dict
    default: []
  directory:
    description:
      - The folder for the scorecard; V(none) writes nothing. By default C(rollouts), beside the
        inventory.
    type: str
    default: ""
attributes:
  check_mode:
    description: Only V(checked) is meant for it.
    support: partial
  diff_mode:
    description: Nothing to show.
    support: none
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Check what is asked for
  asgi.fleet.drill_control:
    step: checked
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  register: drill_request
"""

RETURN = r"""
request:
  description: The checked variables.
  returned: with V(checked)
  type: dict
lines:
  description: What to show.
  returned: with V(checked) and V(closed)
  type: list
  elements: str
release:
  description: The release that is live on all hosts.
  returned: with V(ready)
  type: str
row:
  description: The row of an exercise; null if it is done, with V(chosen).
  returned: with V(chosen) and V(judged)
  type: dict
played:
  description:
    - C(rc), C(seconds), the file with the output (C(log)), its C(end), and whether it says what the
      exercise expects (C(meant)).
  returned: with V(played), unless it was not run
  type: dict
stop:
  description: Why further exercises would tell nothing; empty if they would.
  returned: with V(judged)
  type: str
failure:
  description: Why the drill failed; empty if it did not.
  returned: with V(closed)
  type: str
"""
