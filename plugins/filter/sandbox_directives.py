"""The filter `asgi.fleet.sandbox_directives`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.places import of_entries
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import (
    ANY,
    NAMED,
    Sandbox,
    directives,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing

DOCUMENTATION = r"""
name: sandbox_directives
short_description: Write what an application may do as directives of systemd
version_added: "0.1.0"
description:
  - They are those of the slots' units, and of everything else that runs of an application.
positional: network_allow, writable_paths, devices, release
options:
  _input:
    description: C(jit) and C(netlink), each true or false.
    type: dict
    required: true
  network_allow:
    description: C(any), C(localhost), C(link-local), and networks in CIDR notation.
    type: list
    elements: str
    default: [any]
  writable_paths:
    description:
      - What the application may write, absolute paths and paths inside of its source, each a text
        or a mapping of C(path) and C(keep).
    type: list
    elements: raw
    default: []
  devices:
    description: Absolute paths of devices that it may use.
    type: list
    elements: str
    default: []
  release:
    description: Folder of the release, for paths inside of the source.
    type: str
    default: ""
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show the directives of an application that makes code at run time
  ansible.builtin.debug:
    msg: "{{ {'jit': true} | asgi.fleet.sandbox_directives(['any', 'localhost']) }}"
"""

RETURN = r"""
_value:
  description: Name and value of each directive, in the order of the unit.
  type: list
  elements: list
"""


@refusing
def sandbox_directives(
    needs: Mapping[str, Any],
    network_allow: Sequence[str] = ("any",),
    writable_paths: Sequence[Any] = (),
    devices: Sequence[str] = (),
    release: str = "",
) -> list[list[str]]:
    """Return name and value of each directive.

    Raises:
        AnsibleFilterError: The input has an unknown name, or a network is none.
    """
    unknown = sorted(set(needs) - {"jit", "netlink"})
    if unknown:
        raise ValueError(
            f"the sandbox has {', '.join(unknown)}; expected only jit and netlink; remove the rest"
        )
    for entry in network_allow:
        if entry not in (ANY, *NAMED):
            # Raises a ValueError that names it.
            ip_network(entry)
    absolute, places = of_entries(writable_paths)
    sandbox = Sandbox(
        network_allow=tuple(network_allow),
        writable_paths=absolute,
        places=places,
        devices=tuple(devices),
        jit=boolean(needs.get("jit", False)),
        netlink=boolean(needs.get("netlink", False)),
    )
    return [list(pair) for pair in directives(sandbox.of_release(release))]


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"sandbox_directives": sandbox_directives}
