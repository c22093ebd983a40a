#!/usr/bin/python
"""Tell how an application stands on a host."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: app_info
short_description: Tell how an application stands on a host
version_added: "0.1.0"
description:
  - "Read-only: the live slot and its release, workers with their PIDs and memory, health over the
    slot's own socket, releases with what became of them, and the days that the certificate has
    left."
options:
  name:
    description: The application.
    type: str
    required: true
  health_path:
    description: Path that answers 200 when the application can serve.
    type: str
    default: /healthz
  health_host:
    description: The Host header to ask with.
    type: str
    default: localhost
  certificate:
    description: Path of the certificate; empty for none.
    type: str
    default: ""
attributes:
  check_mode:
    description: Changes nothing, so it runs in check mode as well.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Ask how the shop stands
  asgi.fleet.app_info:
    name: shop
    health_host: shop.example.com
    certificate: /etc/shop/tls/fullchain.pem
  register: shop
"""

RETURN = r"""
state:
  description: How the application stands.
  returned: success
  type: dict
  sample:
    live: {slot: blue, release: 1.4.2-9f86d081, since: 1790000000, active: true, enabled: true}
    workers_planned: 3
    workers: [{pid: 812, memory_mb: 47, healthy: true}]
    memory_mb: 171
    health: 200
    certificate_days: 64
    releases: [{id: 1.4.2-9f86d081, state: live, built_at: 1790000000, built_by: ada}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils.app_state import look
from ansible_collections.asgi.fleet.plugins.module_utils.slots import Application


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "health_path": {"type": "str", "default": "/healthz"},
            "health_host": {"type": "str", "default": "localhost"},
            "certificate": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    options = module.params
    state = look(
        Application(options["name"]),
        health_path=options["health_path"],
        health_host=options["health_host"],
        certificate=options["certificate"],
    )
    module.exit_json(changed=False, state=state)


if __name__ == "__main__":
    main()
