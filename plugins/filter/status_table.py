"""The filters `asgi.fleet.status_table`, `status_document` and `releases_table`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.maintenance import (
    maintenance_report,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.status import (
    document,
    fleet_states,
    releases_table,
    table,
)

DOCUMENTATION = r"""
name: status_table
short_description: Show the state of an application on each host, as lines of a table
version_added: "0.1.0"
description:
  - One line for each host, with release, slot, workers, memory, use of CPU, health, the
    certificate's days, and what differs from the inventory, if that was compared.
  - Below the table, why the state of a host could not be collected, who holds a lock, and what a
    host or a balancer needs, such as security updates.
options:
  _input:
    description:
      - Host names to the C(state) that M(asgi.fleet.app_info) returned; null for none.
      - A state may have C(drift), the C(reasons) of M(asgi.fleet.slot) in check mode.
      - A state with only C(error) means that the host's state could not be collected.
    type: dict
    required: true
  balancers:
    description: Balancers to the C(state) that M(asgi.fleet.balancer_info) returned; null for none.
    type: dict
    default: {}
positional: balancers
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show the fleet
  ansible.builtin.debug:
    msg: "{{ states | asgi.fleet.status_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "status_table": table,
            "status_document": document,
            "fleet_states": fleet_states,
            "maintenance_report": maintenance_report,
            "releases_table": releases_table,
        }
