"""The filter `asgi.fleet.service_timeouts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.timeouts import service_timeouts

DOCUMENTATION = r"""
name: service_timeouts
short_description: Check the order of a service's timeouts and derive Gunicorn's and systemd's
version_added: "0.1.0"
description:
  - Refuses an order in which a release would cut requests, and names both numbers.
options:
  _input:
    description:
      - Seconds by name, C(linger), C(drain), C(request), C(proxy_keepalive) and C(proxy_read).
    type: dict
    required: true
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Derive the timeouts
  ansible.builtin.debug:
    msg: >-
      {{ {'linger': 3, 'drain': 30, 'request': 60, 'proxy_keepalive': 2, 'proxy_read': 60}
         | asgi.fleet.service_timeouts }}
"""

RETURN = r"""
_value:
  description: Seconds, C(graceful) for Gunicorn's graceful_timeout and C(stop) for TimeoutStopSec=.
  type: dict
"""


@refusing
def checked(timeouts: Mapping[str, Any]) -> dict[str, int]:
    """Return the derived timeouts.

    Raises:
        AnsibleFilterError: Their order would lose requests.
    """
    return service_timeouts(**timeouts)


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"service_timeouts": checked}
