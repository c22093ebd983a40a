"""Filter `asgi.fleet.nginx_features`; the rules are in `plugin_utils/features/nginx.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.features.nginx import parse_features

DOCUMENTATION = r"""
name: nginx_features
short_description: Features of an nginx, from the output of C(nginx -V)
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Turns the text that C(nginx -V) prints into features that a template reads by name, so that one
    template works with every nginx from 1.18 on.
options:
  _input:
    description: Standard error of C(nginx -V). Empty when nginx is not installed.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Find out nginx's features
  ansible.builtin.command: nginx -V
  register: version
  changed_when: false
  check_mode: false

- name: Show whether it supports the directive http2
  ansible.builtin.debug:
    msg: "{{ (version.stderr | asgi.fleet.nginx_features).http2_directive }}"
"""

RETURN = r"""
_value:
  description:
    - C(installed), C(version), C(openssl) (empty for another TLS library), and the booleans
      C(http2), C(http2_directive), C(http2_header_limits), C(keepalive_min_timeout), C(mlkem),
      C(ssl_reject_handshake) and C(ticket_key_rotation).
    - If nginx is not installed, the features of the oldest supported version, 1.18.
  type: dict
"""


class FilterModule:
    """Names the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"nginx_features": refusing(parse_features)}
