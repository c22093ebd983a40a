"""Filter `asgi.fleet.haproxy_features`; the rules are in `plugin_utils/features/haproxy.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.features.haproxy import parse_features

DOCUMENTATION = r"""
name: haproxy_features
short_description: What a haproxy can do, from the output of C(haproxy -vv)
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Turns the text that C(haproxy -vv) prints into answers which a template asks for by name.
options:
  _input:
    description: Standard output of C(haproxy -vv). Empty when haproxy is not installed.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Ask haproxy what it can do
  ansible.builtin.command: haproxy -vv
  register: version
  changed_when: false
  check_mode: false

- name: Show its version
  ansible.builtin.debug:
    msg: "{{ (version.stdout | asgi.fleet.haproxy_features).version }}"
"""

RETURN = r"""
_value:
  description:
    - C(installed), C(version), C(openssl) (empty for another TLS library) and C(mlkem).
    - The answers of the oldest supported haproxy, 2.4, when it is not installed.
  type: dict
"""


class FilterModule:
    """Names the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"haproxy_features": refusing(parse_features)}
