"""Filter `asgi.fleet.haproxy_features`; the rules are in `plugin_utils/features/haproxy.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.features.haproxy import parse_features

DOCUMENTATION = r"""
name: haproxy_features
short_description: Features of an HAProxy, from the output of C(haproxy -vv)
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Turns the text that C(haproxy -vv) prints into features that a template reads by name.
options:
  _input:
    description: Standard output of C(haproxy -vv). Empty when haproxy is not installed.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Find out HAProxy's features
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
    - If HAProxy is not installed, the features of the oldest supported version, 2.4.
  type: dict
"""


class FilterModule:
    """Names the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"haproxy_features": refusing(parse_features)}
