#!/usr/bin/python
"""Module `asgi.fleet.balancer_server`; its plan is in `module_utils/servers/runtime_socket.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer_server
short_description: Drain servers of a running HAProxy, or return them to traffic
version_added: "0.1.0"
description:
  - V(drained) sends servers no new requests, also none of visitors who stay with them by a cookie,
    lets them finish the open ones, and waits until none is left, at most O(wait_seconds).
  - V(ready) returns them to traffic, and waits until they are healthy.
  - The state is saved, so that it survives a reload, a restart and a crash of HAProxy.
options:
  servers:
    description: The servers, as C(backend/server).
    type: list
    elements: str
    required: true
  state:
    description: The wanted state.
    type: str
    choices: [drained, ready]
    required: true
  wait_seconds:
    description: How long to wait for the last request, or for health.
    type: int
    default: 60
  others:
    description:
      - Which other servers of the same backend must serve before a server is drained; V(none)
        also drains the last one.
    type: str
    choices: [one, all, none]
    default: one
  socket:
    description: The runtime socket of HAProxy, with level admin.
    type: path
    default: /run/haproxy/admin.sock
  saver:
    description: Program that saves the state; skipped while it does not exist.
    type: path
    default: /usr/local/lib/haproxy_balancer/save_servers.py
attributes:
  check_mode:
    description: Makes the same refusals, and reports what it would change.
    support: full
  diff_mode:
    description: Shows the state of each server that changes.
    support: full
  idempotent:
    description: For a server already in the wanted state, only waits.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Take the host out of traffic
  asgi.fleet.balancer_server:
    servers: [shop/web1]
    state: drained
    wait_seconds: 30
  delegate_to: balancer1
"""

RETURN = r"""
changed_servers:
  description: The servers whose state was (or in check mode would be) changed.
  returned: success
  type: list
  elements: str
sessions:
  description: Requests and streams still open on each server, by C(backend/server).
  returned: success
  type: dict
serving:
  description: Whether each server gets new requests, by C(backend/server).
  returned: success
  type: dict
waited_seconds:
  description: How long it took.
  returned: success
  type: float
"""

import os
import time

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import (
    UnsafeFolderError,
    locked,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    Runtime,
    ServerState,
    plan,
)

#: No application has such a name.
LOCK = "haproxy_balancer.servers"
POLL_SECONDS = 0.5


def run(module: Module) -> dict[str, object]:
    """Change what has to be changed, and wait."""
    wanted: list[str] = module.params["servers"]
    drain = module.params["state"] == "drained"
    runtime = Runtime(module.params["socket"])
    # Two hosts that are drained at once must not each take the other one for the last that serves.
    with locked(LOCK, 30):
        before = runtime.servers()
        changes = plan(before, wanted, drain=drain, others=module.params["others"])
        if changes and not module.check_mode:
            for name in changes:
                # A visitor who stays with a drained server goes on, unless it has no weight. The
                # state last: a run that is killed in between is made good by the next one.
                runtime.order(f"set server {name} weight {'0' if drain else '100%'}")
                runtime.order(f"set server {name} state {'drain' if drain else 'ready'}")
            save(module)
    start = time.monotonic()
    after = before if module.check_mode else wait(runtime, module, drain=drain)
    if not drain and not module.check_mode:
        require_serving(after, wanted, module.params["wait_seconds"])
    return {
        "changed": bool(changes),
        "changed_servers": changes,
        "diff": {
            "before": describe(before, changes),
            "after": "".join(f"{name}: {module.params['state']}\n" for name in changes),
        },
        "sessions": {name: after[name].sessions for name in wanted},
        "serving": {name: after[name].serves for name in wanted},
        "waited_seconds": round(time.monotonic() - start, 1),
    }


def wait(runtime: Runtime, module: Module, *, drain: bool) -> dict[str, ServerState]:
    """Wait until nothing is left, or until all serve; return how they stand then."""
    wanted: list[str] = module.params["servers"]
    end = time.monotonic() + module.params["wait_seconds"]
    while True:
        servers = runtime.servers()
        states = [servers[name] for name in wanted]
        done = all(not state.sessions if drain else state.serves for state in states)
        if done or time.monotonic() >= end:
            return servers
        time.sleep(POLL_SECONDS)


def require_serving(servers: dict[str, ServerState], wanted: list[str], seconds: int) -> None:
    """Refuse servers that were given traffic again but fail their check."""
    failing = [name for name in wanted if not servers[name].serves]
    if failing:
        raise HaproxyError(
            f"{', '.join(failing)} does not pass haproxy's check after {seconds} seconds; expected "
            "a healthy application behind nginx; it gets no traffic until it is. Look at the host: "
            "ansible-playbook playbooks/status.yml"
        )


def describe(servers: dict[str, ServerState], names: list[str]) -> str:
    """Return a line for each server."""
    return "".join(f"{name}: {'drained' if servers[name].admin else 'ready'}\n" for name in names)


def save(module: Module) -> None:
    """Save the state for haproxy's next process."""
    saver = module.params["saver"]
    if not os.path.exists(saver):
        return
    code, _output, error = module.run_command([saver])
    if code != 0:
        module.warn(f"{saver} failed: {error.strip()}; a restart of haproxy would forget the state")


def main() -> None:
    """Run as an Ansible module."""
    module = Module(
        argument_spec={
            "servers": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["drained", "ready"], "required": True},
            "wait_seconds": {"type": "int", "default": 60},
            "others": {"type": "str", "choices": ["one", "all", "none"], "default": "one"},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
            "saver": {
                "type": "path",
                "default": "/usr/local/lib/haproxy_balancer/save_servers.py",
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
