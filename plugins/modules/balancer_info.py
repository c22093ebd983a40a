#!/usr/bin/python
"""Tell how a balancer sees the servers behind it, and what its visitors get."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer_info
short_description: Collect how a balancer sees its servers, and what its visitors get
version_added: "0.1.0"
description:
  - "Read-only: whether HAProxy runs and starts at boot, which servers get new requests from it, and
    what it answers over HTTPS for the health path of each site."
  - On request also what the host needs, as M(asgi.fleet.host_info) does.
options:
  sites:
    description: The sites to ask for.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      domain:
        description: The server name of the request.
        type: str
        required: true
      path:
        description: The path of the request.
        type: str
        required: true
      certificate:
        description: Path of its certificate, to tell how long that lasts; empty for none.
        type: str
        default: ""
  https_port:
    description: HAProxy's port for HTTPS.
    type: int
    default: 443
  socket:
    description: The runtime socket of HAProxy, with level admin.
    type: path
    default: /run/haproxy/admin.sock
  expected:
    description:
      - Servers, as C(site/host), to wait for, until each of them serves or is drained. One that
        HAProxy does not have is not waited for.
    type: list
    elements: str
    default: []
  wait_seconds:
    description: How long to wait for O(expected).
    type: float
    default: 0
  upkeep:
    description: Whether to find out as well what the host itself needs.
    type: bool
    default: false
requirements:
  - Debian or Ubuntu with systemd
extends_documentation_fragment:
  - asgi.fleet.reading
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Ask the balancer whether it sends requests to a host again
  asgi.fleet.balancer_info:
    sites: [{name: shop, domain: shop.example.com, path: /healthz}]
    expected: [shop/web1]
    wait_seconds: 10
  register: balancer
"""

RETURN = r"""
state:
  description:
    - The state of the balancer. With O(upkeep) it has also what M(asgi.fleet.host_info) returns.
  returned: success
  type: dict
  contains:
    at:
      description: When the state was collected, by the host's clock (Unix time).
      type: int
    units:
      description: Whether HAProxy runs, is about to, and starts at boot.
      type: dict
      sample: {haproxy.service: {active: true, starting: false, enabled: true}}
    servers:
      description:
        - Each server by C(site/host), with whether it gets new requests, whether it is drained, and
          what the last check of it said. Empty while HAProxy does not run.
      type: dict
      sample: {shop/web1: {serves: true, drained: false, check: "L7OK/200"}}
    answers:
      description:
        - HAProxy's answer for the health path of each site, with its status (0 for none), the
          reason for none, and why a visitor would refuse the certificate.
      type: dict
      sample: {shop: {status: 200, error: "", certificate_current: null, refused: ""}}
    certificates:
      description:
        - Of each site with a O(sites[].certificate), what RV(asgi.fleet.app_info#module:state) has
          as C(certificate).
      type: dict
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.balancer import (
    HAPROXY,
    BalancerQuestions,
    look_at_balancer,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.upkeep import look_at_host


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "sites": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    name: {"type": "str", "required": True} for name in ("name", "domain", "path")
                }
                | {"certificate": {"type": "str", "default": ""}},
            },
            "https_port": {"type": "int", "default": 443},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
            "expected": {"type": "list", "elements": "str", "default": []},
            "wait_seconds": {"type": "float", "default": 0},
            "upkeep": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options = module.params
    questions = BalancerQuestions(
        socket=options["socket"],
        port=options["https_port"],
        sites=options["sites"],
        expected=options["expected"],
        seconds=options["wait_seconds"],
    )
    needs = look_at_host([HAPROXY]) if options["upkeep"] else {}
    module.exit_json(changed=False, state={**needs, **look_at_balancer(questions)})


if __name__ == "__main__":
    main()
