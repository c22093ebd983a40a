#!/usr/bin/python
"""The documentation of the action plugin `rollout_close`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_close
short_description: Keep the record of a rollout, and return what is to be shown of it
version_added: "0.1.0"
description:
  - Returns every host with its release and state, what was served while the rollout ran (the
    receipt), and why it failed.
  - Writes on the controller a page for a browser, the receipt as text, and the record as JSON.
  - Reads the results that the playbooks register for each host. No host is contacted.
options:
  id:
    description: Id of the rollout.
    type: str
    required: true
  kind:
    description: What the rollout did. Empty shows, and keeps nothing.
    type: str
    choices: ["", release, rollback, restart, scale, patch]
    default: ""
  who:
    description: Who ran it.
    type: str
    required: true
  plan:
    description: What P(asgi.fleet.plan_waves#filter) returned. Empty keeps nothing.
    type: dict
    required: true
  progress:
    description: What P(asgi.fleet.close_wave#filter) returned for the last wave.
    type: dict
    default: {}
  ended:
    description:
      - The results of M(asgi.fleet.rollout) with O(asgi.fleet.rollout#module:state=ended), by host;
        of a host that is not in it, the variable C(rollout_ended).
    type: dict
    default: {}
  early:
    description: Whether it ended before its waves, or between them and its end.
    type: bool
    default: false
  lines:
    description: What to show of the hosts, such as C(lines) of P(asgi.fleet.rollout_report#filter).
    type: list
    elements: str
    default: []
  failure:
    description: Why the run is to fail, for the record; empty if it is not. This does not fail it.
    type: str
    default: ""
  directory:
    description:
      - The folder for what is written; V(none) writes nothing. By default C(rollouts), beside the
        inventory.
    type: str
    default: ""
attributes:
  check_mode:
    description: Shows the same table, and writes nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show how the rollout ended
  asgi.fleet.rollout_close:
    id: "{{ rollout_id }}"
    kind: release
    who: ada@laptop
    plan: "{{ plan }}"
    progress: "{{ progress }}"
  run_once: true
"""

RETURN = r"""
lines:
  description: The table and the notes that were shown.
  returned: success
  type: list
  elements: str
failure:
  description: O(failure).
  returned: success
  type: str
record:
  description: The record, as it was written.
  returned: with O(kind), unless in check mode
  type: dict
page:
  description: The path of the page; empty if none was written.
  returned: with O(kind), unless in check mode
  type: str
"""
