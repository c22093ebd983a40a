#!/usr/bin/python
"""The documentation of the action plugin `check_inputs`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: check_inputs
short_description: Refuse a deployment whose variables do not fit
version_added: "0.1.0"
description:
  - Checks and normalises the deployment's variables (C(app_...), C(fleet_...); see
    C(docs/variables.md)) on the controller. No host is contacted.
  - With O(state=examined) it looks at the host's own variables and returns what it found, good or
    bad; it does not fail, so that the problems of all hosts can be shown together.
  - With O(state=judged) it looks at what was found on all hosts, adds the problems that cross hosts
    (one name for two applications, one domain twice on a machine, a host in two groups), and fails
    if there is any.
  - With O(state=balancer) it returns the variables of a balancer.
options:
  state:
    description: What to do.
    type: str
    choices: [examined, judged, balancer]
    default: examined
  hosts:
    description: With O(state=judged), the hosts that were examined.
    type: list
    elements: str
    default: []
  command_line:
    description:
      - Names of variables that pick the target of a playbook. One that is set in the inventory, and
        not on the command line, is refused.
    type: list
    elements: str
    default: []
  files:
    description:
      - Whether to look at the controller's files that variables name, such as the source or a key.
      - A rollback or a restart needs none of them, and must not fail for their sake.
    type: bool
    default: true
attributes:
  check_mode:
    description: Whether it runs and is right in check mode.
    support: full
  diff_mode:
    description: Whether it shows what it changes; it changes nothing.
    support: none
notes:
  - Secret values are in no message and no return value.
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Examine each host's variables
  asgi.fleet.check_inputs:
  register: __check_inputs

- name: Refuse what does not fit, for all hosts at once
  asgi.fleet.check_inputs:
    state: judged
    hosts: "{{ ansible_play_hosts }}"
  run_once: true

- name: Keep the checked variables
  ansible.builtin.set_fact:
  args: "{{ __check_inputs.facts }}"
"""

RETURN = r"""
msg:
  description: With problems, how many, and then each on a line with the hosts where it applies.
  type: str
  returned: with O(state=judged)
deployment:
  description:
    - The variables that are valid, normalised and with their defaults.
    - Complete if there is no problem.
    - Without C(app_env), C(app_secrets), and the text of a key in C(app_tls).
  type: dict
  returned: with O(state=examined)
  sample:
    app_name: shop
    app_source:
      type: git
      url: https://git.example.com/shop.git
      version: v1.4.0
      subdirectory: ""
    app_domain: [www.example.com]
    app_workers: auto
facts:
  description:
    - What to set as facts, C(deployment) and the roles' variables that follow from it, but for
      those that the user has set. C(fleet_wired) names the former for the next check.
  type: dict
  returned: with O(state=examined) and O(state=balancer)
machine:
  description: Address and port, by which two inventory names of one machine are found.
  type: str
  returned: with O(state=examined)
  sample: 192.0.2.11:22
problems:
  description: What is wrong with this host's variables.
  type: list
  elements: dict
  returned: with O(state=examined)
  contains:
    variable:
      description: The variable's name.
      type: str
    message:
      description: What was seen, what is allowed, and what to do, on one line.
      type: str
  sample:
    - variable: app_workers
      message: >-
        app_workers is 0; expected auto or a number from 1 to 512; set it in group_vars/app.yml
"""
