#!/usr/bin/python
"""The documentation of the action plugin `request`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: request
short_description: Check what an operator asks for on the command line
version_added: "0.1.0"
description:
  - Reads the variables of the command line (C(-e)) for the playbooks C(run.yml), C(logs.yml) and
    C(history.yml). Reports each that is wrong, before a host is contacted.
  - Takes C(-e command="...") as it stands there. Ansible alone would take its first word.
  - Also decides on which hosts a command runs, and tells how it ended.
extends_documentation_fragment: asgi.fleet.reading
options:
  step:
    description:
      - V(run), V(logs) and V(history) check the variables of one playbook.
      - V(run_hosts) chooses the hosts of a command, by what each host told (C(run_look)).
      - V(logs_lines) shows the lines of all hosts (C(logs_look)) in order of time, and fails if
        those of a host are missing.
      - V(run_end) tells how it ended on each host (C(run_result)), and fails if it failed.
    type: str
    choices: [run, run_hosts, run_end, logs, logs_lines, history]
    required: true
  hosts:
    description: The hosts.
    type: list
    elements: str
    required: true
  request:
    description: The C(request) that an earlier step has returned.
    type: dict
    default: {}
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Check the command
  asgi.fleet.request:
    step: run
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  register: run_request
"""

RETURN = r"""
request:
  description: The checked variables.
  returned: with V(run), V(logs) and V(history)
  type: dict
asked:
  description: The hosts to look at.
  returned: with V(run)
  type: list
  elements: str
hosts:
  description: The hosts to run on.
  returned: with V(run_hosts)
  type: list
  elements: str
silent:
  description: Why some hosts gave no lines.
  returned: with V(logs_lines)
  type: dict
status:
  description: The exit status of the command, of the first host where it failed.
  returned: with V(run_end)
  type: int
"""
