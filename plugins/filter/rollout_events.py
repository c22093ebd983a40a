"""The filters that make the events of a rollout; the rules are in `plugin_utils/notify`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.rollouts import rollout_events
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import account, waves

DOCUMENTATION = r"""
name: rollout_events
short_description: Make the events of a rollout from its record
version_added: "0.1.0"
description:
  - Returns an event for each application, as M(asgi.fleet.notify) takes it. What it is follows from
    the outcome of the application.
options:
  _input:
    description: The record of the rollout, schema 1.
    type: dict
    required: true
  beginning:
    description: Return the events of a rollout that begins; its record may lack what is not known.
    type: bool
    default: false
  pages:
    description: The path of the page of each application, by its name.
    type: dict
    default: {}
positional: beginning, pages
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Tell how the rollout ended
  asgi.fleet.notify:
    events: "{{ record | asgi.fleet.rollout_events }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The events.
  type: list
  elements: dict
"""


def closing_events(closed: Mapping[str, Any]) -> list[Any]:
    """Return the events of a rollout that was closed; none of one that has no record."""
    record, page = closed.get("record"), str(closed.get("page", ""))
    if not record:
        return []
    return list(rollout_events(record, pages=dict.fromkeys(record["apps"], page)))


def beginning_events(
    plan: waves.RolloutPlan,
    rollout: str,
    kind: str,
    who: str,
    hostvars: Mapping[str, Mapping[str, Any]],
) -> list[Any]:
    """Return the events of a rollout that begins."""
    known = account.beginning(plan, rollout, kind, who, hostvars)
    return list(rollout_events(known, beginning=True))


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "rollout_events": refusing(rollout_events),
            "closing_events": refusing(closing_events),
            "beginning_events": refusing(beginning_events),
        }
