#!/usr/bin/python
"""The documentation of the action plugin `check_inputs`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: check_inputs
short_description: Refuse a deployment whose variables are not valid
version_added: "0.1.0"
description:
  - Checks and normalises the deployment's variables (C(app_...), C(fleet_...); see
    C(docs/variables.md)) on the controller. No host is contacted.
  - V(examined) checks the variables of the host and returns what it found. It does not fail, so
    that the problems of all hosts can be shown together. It also derives the variables of the
    roles. A role variable that the user has set is left unchanged; one that only follows from the
    deployment's variables is refused by name.
  - V(judged) reads what was found on all hosts, adds the problems that concern several hosts (one
    name for two applications, one domain twice on a machine), and fails if there is any problem.
  - V(balancer) derives the variables of the roles haproxy_balancer and host_baseline, for a host
    of the group C(balancer).
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
  files:
    description:
      - Whether to check the controller's files that variables name, such as the source or a key.
      - A rollback or a restart needs none of them, and must not fail because of them.
    type: bool
    default: true
  command_line:
    description:
      - Variables that choose the target of the playbook. They are refused unless they are set on
        the command line, with C(-e).
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Changes nothing, so it also runs in check mode.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
notes:
  - No message contains a secret. Neither do the return values, except that the URL of a source may
    contain a token; use C(no_log) when you register them.
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Examine each host's variables
  asgi.fleet.check_inputs:
  no_log: true
  register: __check_inputs

- name: Refuse invalid variables, of all hosts at once
  asgi.fleet.check_inputs:
    state: judged
    hosts: "{{ ansible_play_hosts }}"
  run_once: true
  register: check_judged

- name: Keep the checked variables
  ansible.builtin.set_fact:
  args: >-
    {{ __check_inputs.facts
       | combine(check_judged.of_fleet[inventory_hostname] | default({})) }}
  no_log: true
"""

RETURN = r"""
msg:
  description: If there are problems, their number, and each on a line with the hosts concerned.
  type: str
  returned: with O(state=judged)
notified:
  description: The applications of which somebody is told (C(fleet_notify)), with events and hosts.
  type: dict
  returned: with O(state=judged), if there are no problems
  sample:
    shop:
      events: [end, failed, reverted]
      hosts: [web1, web2]
of_fleet:
  description:
    - By host, the variables of roles that follow from all hosts of an application, to set as facts.
    - Only hosts with C(app_connections) or C(app_recycle).
  type: dict
  returned: with O(state=judged), if there are no problems
  sample:
    web1:
      gunicorn_service_connections: {per_worker: 5, share: 50}
deployment:
  description:
    - The valid variables, normalised and with their defaults.
    - Complete if there is no problem.
    - Without C(app_env), C(app_secrets), the text of a key in C(app_tls), and what is secret in
      C(fleet_notify).
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
  description: Address and port, to find two inventory names of one machine.
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
