"""The filter `asgi.fleet.service_world`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import unit_directives
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing

DOCUMENTATION = r"""
name: service_world
short_description: Write the environment and the folders of a slot as directives of systemd
version_added: "0.1.0"
description:
  - They are those of the slots' units, and of everything else that runs of an application.
positional: release, slot, is_process, runtime
options:
  _input:
    description: Name of the application.
    type: str
    required: true
  release:
    description: Folder of the release.
    type: str
    required: true
  slot:
    description: The slot, V(blue) or V(green).
    type: str
    required: true
  is_process:
    description: Whether it is the unit of a process, and not of the slot itself.
    type: bool
    default: false
  runtime:
    description: >-
      The unit's own folder below C(/run/<application>), if it runs beside the slots; empty for
      the slot's.
    type: str
    default: ""
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show the directives of a slot
  ansible.builtin.debug:
    msg: "{{ 'shop' | asgi.fleet.service_world('/opt/shop/releases/1.4.2-9f86d081', 'blue') }}"
"""

RETURN = r"""
_value:
  description: Name and value of each directive, in the order of the unit.
  type: list
  elements: list
"""


@refusing
def service_world(
    application: str, release: str, slot: str, is_process: bool = False, runtime: str = ""
) -> list[list[str]]:
    """Return name and value of each directive."""
    found = unit_directives(application, release, slot, is_process=is_process, runtime=runtime)
    return [list(pair) for pair in found]


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"service_world": service_world}
