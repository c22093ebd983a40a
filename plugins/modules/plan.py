#!/usr/bin/python
"""The documentation of the action plugin `plan`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Make the plan of a deployment or a release, or compare with one
version_added: "0.1.0"
description:
  - For the playbook C(plan.yml), whose tasks have looked at the hosts before.
  - A plan says what would happen, and has a hash. The same fleet with the same inventory has the
    same hash, whoever makes the plan, wherever and whenever.
extends_documentation_fragment: asgi.fleet.reading
options:
  state:
    description:
      - V(made) shows the plan and writes it.
      - V(compared) fails if the plan that would be made now is not that of O(hash), and shows what
        has moved.
      - V(kept) fails if a host, whose lock is held now, has another live release than V(compared)
        saw.
    type: str
    choices: [made, compared, kept]
    default: made
  kind:
    description: The playbook.
    type: str
    choices: [deploy, release]
    default: deploy
  hosts:
    description: The hosts of the applications.
    type: list
    elements: str
    required: true
  balancers:
    description: The balancers.
    type: list
    elements: str
    default: []
  lost:
    description: Hosts that did not answer or were refused; with one, there is no plan.
    type: list
    elements: str
    default: []
  sites:
    description: The sites of the balancers, by the filter P(asgi.fleet.balancer_sites#filter).
    type: list
    elements: dict
    default: []
  hash:
    description: The hash of a plan.
    type: str
    default: ""
  file:
    description:
      - Where the plan is written to as well; with O(state=compared), where that of O(hash) is read
        from if something has moved.
      - Without it, only the file C(plan-<hash>.json) in the folder of O(folder).
    type: str
    default: ""
  folder:
    description: The folder that keeps plans; by default C(rollouts) beside the inventory.
    type: str
    default: ""
  by:
    description: Who makes the plan.
    type: str
    default: ""
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Make the plan
  asgi.fleet.plan:
    hosts: "{{ ansible_play_hosts }}"
  run_once: true
"""

RETURN = r"""
hash:
  description: The hash of the plan.
  returned: success, with O(state=made) and O(state=compared)
  type: str
  sample: 9f86d081884c7d65
plan:
  description: The plan; see docs/plan.md.
  returned: success, with O(state=made) and O(state=compared)
  type: dict
"""
