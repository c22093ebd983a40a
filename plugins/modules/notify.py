#!/usr/bin/python
"""The documentation of the action plugin `notify`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: notify
short_description: Tell the targets of fleet_notify what happens
version_added: "0.1.0"
description:
  - Sends events to the targets in the variable C(fleet_notify), all at once, each within its
    time-out. A target that does not answer is named in a line; it never fails the task.
  - The targets are read from the variables of the hosts of each application, and only after
    C(playbooks/check.yml), which registers C(check_judged). No argument of the task has a secret.
  - Values of C(app_secrets), and the targets' own secrets, are taken out of every text.
extends_documentation_fragment: asgi.fleet.reading
options:
  events:
    description:
      - The events, one for each application. Its keys are C(event) (V(begin), V(end), V(failed)
        or V(reverted)), C(app), and what is known of C(kind), C(id), C(release), C(before),
        C(who), C(hosts), C(at), C(text), C(detail), C(receipt) and C(page).
    type: list
    elements: dict
    default: []
  findings:
    description:
      - What M(asgi.fleet.show) shows of P(asgi.fleet.verification#filter), its C(findings). Told
        is what was not told the last time, and that nothing is left. What was told is kept in
        C(~/.local/state/asgi.fleet/verify/).
    type: list
    elements: dict
  fail_on:
    description: Which findings count, as P(asgi.fleet.verification#filter) has it.
    type: str
    choices: [fault, warning]
    default: fault
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Tell that the application was warmed up
  asgi.fleet.notify:
    events:
      - event: end
        app: shop
        kind: warm-up
        hosts: "{{ ansible_play_hosts }}"
  run_once: true
"""

RETURN = r"""
told:
  description: The events that were sent, by application; each to those targets that want it.
  returned: always
  type: dict
  sample: {shop: [end]}
not_told:
  description: A line for each target that was not told, with the reason.
  returned: always
  type: list
  elements: str
  sample: ["not told: ops-slack: no answer in 5 s"]
judged:
  description: That findings were compared with what was told last.
  returned: with O(findings)
  type: bool
"""
