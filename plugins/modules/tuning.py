#!/usr/bin/python
"""The documentation of the action plugin `tuning`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: tuning
short_description: Check what is to be measured, and recommend a number of workers
version_added: "0.1.0"
description:
  - What C(playbooks/tune.yml) does on the controller, before and after M(asgi.fleet.tune) measures.
extends_documentation_fragment: asgi.fleet.reading
options:
  step:
    description:
      - V(check) checks the variables, before a host is contacted.
      - V(series) chooses the numbers of workers, by what the host may use.
      - V(report) shows the table and the recommendation, writes the plot and the measurement beside
        the inventory, and C(app_workers) into the host's own file if that was asked for.
    type: str
    choices: [check, series, report]
    required: true
  host:
    description: The host to measure on.
    type: str
    default: ""
  hosts:
    description: The hosts of the play, for V(check).
    type: list
    elements: str
    default: []
  request:
    description: The C(request) that V(check) has returned.
    type: dict
    default: {}
  plan:
    description: The C(plan) that V(series) has returned.
    type: dict
    default: {}
  capacity:
    description: What the host may use, as M(asgi.fleet.host_capacity) returns it, for V(series).
    type: dict
    default: {}
  measured:
    description: What M(asgi.fleet.tune) has measured, for V(report).
    type: list
    elements: dict
    default: []
  release:
    description: The release that was measured, for V(report).
    type: str
    default: ""
  directory:
    description: Where to write, as C(fleet_report_directory).
    type: str
    default: ""
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Check what is to be measured
  asgi.fleet.tuning:
    step: check
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  register: tune_asked
"""

RETURN = r"""
host:
  description: The host to measure on.
  returned: with V(check)
  type: str
request:
  description: The checked variables.
  returned: with V(check)
  type: dict
plan:
  description: The steps of the measurement, and what the host's memory allows.
  returned: with V(series)
  type: dict
recommendation:
  description: How many workers, and why.
  returned: with V(report)
  type: dict
"""
