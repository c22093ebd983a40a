"""Filters of the balancer's sites; the rules are in `plugin_utils/balancer/sites.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer import canary, drains, printed
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer import sites as core
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing

DOCUMENTATION = r"""
name: haproxy_sites
short_description: The sites of the role haproxy_balancer, as its template prints them
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Adds server names, addresses with ports, and the certificates that each server is verified with.
  - Refuses duplicate sites, servers and domains, and two sites that have IP addresses as domains.
options:
  _input:
    description: The role's variable C(haproxy_balancer_sites).
    type: list
    elements: dict
    required: true
  directory:
    description: Folder of the trusted certificates.
    type: path
    required: true
  present:
    description: Paths of the certificates that exist there.
    type: list
    elements: path
    required: true
  thumbprints:
    description: Thumbprint of the ACME account of a site's certificate, by the site's name.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show how each server is verified
  ansible.builtin.debug:
    msg: "{{ haproxy_balancer_sites | asgi.fleet.haproxy_sites('/etc/haproxy/trust', []) }}"
"""

RETURN = r"""
_value:
  description: The sites.
  type: list
  elements: dict
"""


class FilterModule:
    """Names the filters to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {
            "balancer_certificates": refusing(core.balancer_certificates),
            "balancer_lines": refusing(core.balancer_lines),
            "balancer_sites": refusing(core.balancer_sites),
            "canaries": refusing(canary.canaries),
            "canary_lines": refusing(canary.canary_lines),
            "drain_lines": refusing(drains.drain_lines),
            "fleet_addresses": refusing(core.fleet_addresses),
            "haproxy_pins": refusing(printed.pins),
            "haproxy_sites": refusing(printed.haproxy_sites),
            "haproxy_stale_pins": refusing(printed.stale_pins),
            "servers_of_machines": refusing(core.servers_of_machines),
            "site_questions": refusing(core.site_questions),
        }
