"""The filter `asgi.fleet.verdict`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.canary_analysis import (
    HostTraffic,
    Limits,
    judge,
)

DOCUMENTATION = r"""
name: verdict
short_description: Judge hosts on a new release by what they served
version_added: "0.1.0"
description:
  - Compares the share of failed answers and the p99 of the time to an answer with limits, for the
    switched hosts together, and for each of them that served enough requests by itself.
  - Too few requests, or no limit, is no reason to stop; the lines say so.
options:
  _input:
    description:
      - The switched hosts, each with the C(traffic) that M(asgi.fleet.traffic_info) returned; null
        for one that could not be asked.
    type: dict
    required: true
  waiting:
    description: The same of the hosts that are not yet switched, to compare with.
    type: dict
    default: {}
  limits:
    description:
      - C(max_error_ratio), a number from 0 to 1; C(max_p99_ms), in milliseconds; C(min_requests),
        the number below which nothing is judged, 100 unless said. Null, or left out, is no limit.
    type: dict
    default: {}
author:
  - The asgi.fleet developers (@asgi-fleet)
seealso:
  - plugin: asgi.fleet.traffic_info
    plugin_type: module
"""

EXAMPLES = r"""
- name: Judge the canary
  ansible.builtin.set_fact:
    verdict: "{{ {'web1': canary} | asgi.fleet.verdict(waiting={'web2': other}, limits=limits) }}"
  vars:
    canary: "{{ hostvars['web1'].shop.traffic }}"
    other: "{{ hostvars['web2'].shop.traffic }}"
    limits:
      max_error_ratio: 0.01
      max_p99_ms: 500
      min_requests: 100
"""

RETURN = r"""
_value:
  description: The judgement.
  type: dict
  contains:
    ok:
      description: Whether a rollout may go on.
      type: bool
    lines:
      description: What a person should see.
      type: list
      elements: str
    reasons:
      description: Why it may not go on; empty when it may.
      type: list
      elements: str
"""

LIMITS = tuple(Limits.__dataclass_fields__)


def verdict(
    switched: Mapping[str, HostTraffic | None],
    waiting: Mapping[str, HostTraffic | None] | None = None,
    limits: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the judgement as plain data.

    Raises:
        AnsibleFilterError: A limit has a name that none has.
    """
    given = limits or {}
    unknown = sorted(set(given) - set(LIMITS))
    if unknown:
        raise AnsibleFilterError(
            f"limits has {', '.join(unknown)}; expected {', '.join(LIMITS)}; correct the name"
        )
    wanted = Limits(**{name: value for name, value in given.items() if value is not None})
    return asdict(judge(switched, waiting or {}, wanted))


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"verdict": verdict}
