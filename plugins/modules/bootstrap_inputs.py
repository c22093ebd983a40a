#!/usr/bin/python
"""The documentation of the action plugin `bootstrap_inputs`; it works on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: bootstrap_inputs
short_description: Check the variables of bootstrap.yml, of all hosts at once
version_added: "0.1.0"
description:
  - Checks the variables C(bootstrap_*) and reads the public keys that they name, on the controller.
    An inventory needs no deployment for it, such as C(app_name).
  - Every problem of every host is reported at once, and no host is contacted.
extends_documentation_fragment: asgi.fleet.reading
options:
  hosts:
    description: The hosts.
    type: list
    elements: str
    required: true
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Check the inputs
  asgi.fleet.bootstrap_inputs:
    hosts: "{{ ansible_play_hosts }}"
  run_once: true
  register: checked
"""

RETURN = r"""
of:
  description: By host, what M(asgi.fleet.login) is asked for.
  returned: success
  type: dict
lines:
  description: Whose keys are let in.
  returned: success
  type: list
  elements: str
advice:
  description: What to write into the inventory, and what to type next.
  returned: success
  type: list
  elements: str
"""
