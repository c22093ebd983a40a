"""The filter `asgi.fleet.rollout_events`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.rollouts import rollout_events

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


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"rollout_events": refusing(rollout_events)}
