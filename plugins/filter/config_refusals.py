"""What fits into a configuration; the rules are in `plugin_utils/inputs/config_values.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.config_values import config_refusals

DOCUMENTATION = r"""
name: config_refusals
short_description: Why values cannot be written into a server's configuration
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - A value with a space, a semicolon, a brace or a newline would be a directive of its own.
options:
  _input:
    description:
      - The values by the names of their variables, for each of the kinds C(file), C(name),
        C(number), C(pattern), C(place) (an address, a host name or a network), C(url_path) and
        C(word).
      - Of a list, each entry is checked. An empty text passes.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse what is more than a number
  ansible.builtin.assert:
    that: ports | asgi.fleet.config_refusals | length == 0
  vars:
    ports: {number: {nginx_site_http_port: "{{ nginx_site_http_port }}"}}
"""

RETURN = r"""
_value:
  description: A line for each value that does not fit.
  type: list
  elements: str
"""


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"config_refusals": refusing(config_refusals)}
