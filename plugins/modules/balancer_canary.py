#!/usr/bin/python
"""Module `asgi.fleet.balancer_canary`; its plan is in `module_utils/servers/canary.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer_canary
short_description: Give the canary of a rollout a share of the requests, or its full share again
version_added: "0.1.0"
description:
  - V(lowered) sets HAProxy's weights such that the canary gets a share of the requests, and starts
    a timer on the balancer that ends this, in case nobody else does.
  - V(full) gives all servers of the sites their full weight, and ends the timer. A drained server
    stays drained.
  - The weights outlive a reload of HAProxy. After a restart all are full.
options:
  sites:
    description: The sites; each has C(name), C(canary) (names of servers), C(percent), C(seconds).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The backend.
        type: str
        required: true
      canary:
        description: Names of its servers.
        type: list
        elements: str
        default: []
      percent:
        description: How many of 100 requests they get together; never more than without this.
        type: int
        default: 100
      seconds:
        description: When the balancer gives them their full share by itself.
        type: int
        default: 3600
  state:
    description: The wanted state.
    type: str
    choices: [lowered, full]
    required: true
  socket:
    description: The runtime socket of HAProxy, with level admin.
    type: path
    default: /run/haproxy/admin.sock
  program:
    description: Program that the timer runs, with the name of the site.
    type: path
    default: /usr/local/lib/haproxy_balancer/full_weights.py
attributes:
  check_mode:
    description: Makes the same refusals, and reports what it would change.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: Weights that are as wanted stay as they are; the timer begins anew.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Give the canary one request in twenty
  asgi.fleet.balancer_canary:
    sites:
      - {name: shop, canary: [web1], percent: 5, seconds: 600}
    state: lowered
  delegate_to: balancer1
"""

RETURN = r"""
changed_servers:
  description: The servers whose weight was (or in check mode would be) changed.
  returned: success
  type: list
  elements: str
told:
  description: With O(state=lowered), a line for each site that says what its canary gets.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import (
    UnsafeFolderError,
    locked,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers import canary
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    Runtime,
)

#: The one of balancer_server: a drain changes weights as well.
LOCK = "haproxy_balancer.servers"


def run(module: Module) -> dict[str, object]:
    """Change what has to be changed."""
    runtime = Runtime(module.params["socket"])
    with locked(LOCK, 30):
        step = lower if module.params["state"] == "lowered" else restore
        weights, told = step(module, runtime)
    return {"changed": bool(weights), "changed_servers": weights, "told": told}


def lower(module: Module, runtime: Runtime) -> tuple[list[str], list[str]]:
    """Lower the weights; return the servers that this changes, and what to tell."""
    servers = runtime.servers()
    changed, told = [], []
    for site in module.params["sites"]:
        share = canary.plan_share(servers, site["name"], site["canary"], site["percent"])
        told.append(share.told)
        if share.weights and not module.check_mode:
            # Before the weights: whatever happens then, they do not stay.
            stop_timer(module, site["name"])
            module.run_command(
                canary.timer(site["name"], site["seconds"], module.params["program"]),
                check_rc=True,
            )
        for name, weight in share.weights.items():
            if servers[name].weight != weight:
                changed.append(name)
                if not module.check_mode:
                    runtime.order(f"set server {name} weight {weight}")
    return changed, told


def restore(module: Module, runtime: Runtime) -> tuple[list[str], list[str]]:
    """Restore the weights; return the servers that this changes."""
    names = [site["name"] for site in module.params["sites"]]
    changed = canary.lowered(runtime.servers(), names)
    if not module.check_mode:
        for name in changed:
            runtime.order(f"set server {name} weight 100%")
        for name in names:
            stop_timer(module, name)
    return changed, []


def stop_timer(module: Module, site: str) -> None:
    """Stop the timer of a site, if it runs."""
    module.run_command(["systemctl", "stop", f"{canary.unit(site)}.timer"])


def main() -> None:
    """Run as an Ansible module."""
    module = Module(
        argument_spec={
            "sites": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "canary": {"type": "list", "elements": "str", "default": []},
                    "percent": {"type": "int", "default": 100},
                    "seconds": {"type": "int", "default": 3600},
                },
            },
            "state": {"type": "str", "choices": ["lowered", "full"], "required": True},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
            "program": {
                "type": "path",
                "default": "/usr/local/lib/haproxy_balancer/full_weights.py",
            },
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (HaproxyError, ControllerGone, UnsafeFolderError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
