"""The filter `asgi.fleet.load_script`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning import script

DOCUMENTATION = r"""
name: load_script
short_description: Write the script of the load tool from the operator's requests
version_added: "0.1.0"
description:
  - It is for wrk. It sends the requests in turns, each as often as its weight, and prints one line
    that M(asgi.fleet.tune) reads.
positional: host, health_path
options:
  _input:
    description:
      - The requests, each with C(path), and perhaps C(method), C(headers), C(body) and C(weight).
      - A body that is no text becomes JSON.
    type: list
    elements: dict
    required: true
  host:
    description: The Host header.
    type: str
    required: true
  health_path:
    description: What is asked for if there are no requests.
    type: str
    default: /healthz
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Write the script
  ansible.builtin.copy:
    content: "{{ tune_requests | asgi.fleet.load_script('shop.example.com') }}"
    dest: /root/load.lua
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The script, in Lua.
  type: str
"""


@refusing
def load_script(requests: list[Any], host: str, health_path: str = "/healthz") -> str:
    """Return the script."""
    return script.load_script(requests, host, health_path)


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"load_script": load_script}
