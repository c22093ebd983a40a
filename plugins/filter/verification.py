"""The filter `asgi.fleet.verification`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.verification import verify

DOCUMENTATION = r"""
name: verification
short_description: Find what is wrong with a fleet, and what to do
version_added: "0.1.0"
description:
  - Returns findings from the states of the hosts, each with its host and with what to do. No host
    is contacted and nothing is changed.
  - A finding is a fault or a warning, such as a security update that waits. A warning fails the
    verification only if the limits say so.
  - During a rollout, what the rollout changes is not a finding; a note says that it is running.
options:
  _input:
    description: As for P(asgi.fleet.status_table#filter).
    type: dict
    required: true
  deployments:
    description: Host names to their checked variables, the fact C(deployment).
    type: dict
    required: true
  limits:
    description:
      - C(certificate_percent) (25), C(disk_percent) (90), C(stale_hours) (4), C(fail_on)
        (V(fault), or V(warning)), and C(release), which every host must run; by default the
        release of the last rollout.
    type: dict
    default: {}
  balancers:
    description: As for P(asgi.fleet.status_table#filter).
    type: dict
    default: {}
positional: deployments, limits, balancers
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Fail when any check fails
  ansible.builtin.assert:
    that: "(states | asgi.fleet.verification(deployments, {'certificate_percent': 40})).ok"
"""

RETURN = r"""
_value:
  description: The verdict.
  type: dict
  contains:
    ok:
      description: Whether no finding fails the verification.
      type: bool
    failed:
      description: The hosts whose findings do.
      type: list
      elements: str
    findings:
      description: What is wrong.
      type: list
      elements: dict
      sample:
        - {host: web1, seen: the certificate expires in 3 days, todo: renew it, severity: fault}
    notes:
      description: What is worth knowing but not wrong, such as a running rollout.
      type: list
      elements: str
    lines:
      description: Findings and notes for people.
      type: list
      elements: str
    hosts:
      description: The states.
      type: dict
    balancers:
      description: The states of the balancers.
      type: dict
"""


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"verification": refusing(verify)}
