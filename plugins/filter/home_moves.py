"""The filter `asgi.fleet.home_moves`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.moves import moves

DOCUMENTATION = r"""
name: home_moves
short_description: Tell what to do so that one host runs what runs once in a fleet
version_added: "0.1.0"
description:
  - The host that runs it keeps it for as long as it serves. Otherwise the first host that serves
    gets it, in the order of the inventory.
  - If a host does not answer that may run it, no other host gets it.
positional: results, leaving, returning
options:
  _input:
    description: All hosts of the application, in the order of the inventory.
    type: list
    elements: str
    required: true
  results:
    description: What M(asgi.fleet.home) returned for each of them, in the same order.
    type: list
    elements: dict
    required: true
  leaving:
    description: Hosts that are about to leave.
    type: list
    elements: str
    default: []
  returning:
    description: Hosts that have left and return.
    type: list
    elements: str
    default: []
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Tell what a drain of web1 moves
  ansible.builtin.debug:
    msg: "{{ ['web1', 'web2'] | asgi.fleet.home_moves(looks, leaving=['web1']) }}"
"""

RETURN = r"""
_value:
  description: >-
    C(away), the state of M(asgi.fleet.home) by host; C(to), the host that becomes the home, or
    empty; C(lines), to tell; C(problem), why nothing can be moved, or empty.
  type: dict
"""


@refusing
def home_moves(
    hosts: Sequence[str],
    results: Sequence[Mapping[str, Any]],
    leaving: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what to do."""
    return dict(moves(hosts, dict(zip(hosts, results, strict=True)), leaving, returning))


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"home_moves": home_moves}
