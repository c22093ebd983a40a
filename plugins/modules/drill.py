#!/usr/bin/python
"""Do on a host what a drill asks for: break something, put it right, load it, clear up."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: drill
short_description: Break something on a host on purpose, and put it right
version_added: "0.1.0"
description:
  - The part of C(playbooks/drill.yml) that happens on hosts. It is not meant for other playbooks.
  - Whatever lasts is a unit of systemd with a time limit, which undoes itself at its end. It needs
    no controller for that.
options:
  name:
    description: The application.
    type: str
    required: true
  state:
    description:
      - V(looked) returns what is live, and what earlier drills have left.
      - V(begun) notes which release is live. V(cleared) removes that note, and all releases that
        drills have made.
      - V(packed) returns the source of the live release.
      - V(loaded) starts a load, V(unloaded) ends it and returns what it saw, V(logged) counts its
        requests in nginx's log.
      - V(broken) does O(fault). V(mended) ends all faults, and without O(fault) all loads.
    type: str
    choices: [looked, begun, packed, loaded, unloaded, logged, broken, mended, cleared]
    required: true
  drill:
    description: Id of the drill.
    type: str
    default: ""
  release:
    description: The release that was live when the drill began.
    type: str
    default: ""
  fault:
    description:
      - V(kill_worker) and V(kill_master) kill a process with SIGKILL, and wait until its successor
        is healthy.
      - V(reload_nginx) reloads nginx.
      - V(full_disk) fills the file system of the releases with a file without a name.
      - V(host_lost) waits for the idle slot to start, then ends sshd and its sessions.
    type: str
    choices: [kill_worker, kill_master, reload_nginx, full_disk, host_lost]
  seconds:
    description: How long a load or a fault lasts at most.
    type: int
    default: 300
  archive:
    description: The file on the controller that gets what V(packed) returns.
    type: path
    default: ""
  disk_mb:
    description: The largest file that V(full_disk) makes, in MiB.
    type: int
    default: 10240
  health_path:
    description: Path that answers 200 when the application can serve.
    type: str
    default: /healthz
  health_host:
    description: The Host header of health requests.
    type: str
    default: localhost
  servers:
    description: What a load asks.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name in the inventory.
        type: str
        required: true
      address:
        description: Its address, as this host reaches it.
        type: str
        required: true
      port:
        description: Its port of HTTPS.
        type: int
        default: 443
  domain:
    description: The server name that a load asks for.
    type: str
    default: localhost
  path:
    description: The path that a load asks for.
    type: str
    default: /healthz
  rate:
    description: Requests a second of a load, to all servers together.
    type: float
    default: 20
  agent:
    description: How a load calls itself (C(User-Agent)).
    type: str
    default: asgi-fleet-drill
  log:
    description: nginx's log.
    type: path
    default: ""
  since:
    description: When the load began that V(logged) counts, in Unix time.
    type: float
    default: 0
attributes:
  check_mode:
    description: Can be used in check mode.
    details: Only V(looked) and V(logged) do anything there, since they only read.
    support: partial
  diff_mode:
    description: Nothing to show.
    support: none
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: See what is live
  asgi.fleet.drill:
    name: shop
    state: looked
"""

RETURN = r"""
found:
  description: What the host has of drills, and what is live.
  returned: with V(looked)
  type: dict
content:
  description: The source of the live release, as a tar archive in Base64.
  returned: with V(packed)
  type: str
project:
  description: The folder of that source which is served; empty for all of it.
  returned: with V(packed)
  type: str
load:
  description: What the load saw.
  returned: with V(unloaded)
  type: dict
logged:
  description: C(requests) and C(failed) by nginx's log.
  returned: with V(logged)
  type: dict
healed:
  description: Seconds until the host was healthy again.
  returned: with V(broken)
  type: float
ended:
  description: Faults that were not over.
  returned: with V(mended)
  type: list
  elements: str
removed:
  description: Ids of removed releases.
  returned: with V(cleared)
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.drill import faults, serving, traces
from ansible_collections.asgi.fleet.plugins.module_utils.drill.units import DrillError, stop
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.drill import ON_HOST
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health

Options = Mapping[str, Any]


def _begin(application: Application, options: Options) -> dict[str, Any]:
    traces.begin(application, options["drill"], options["release"])
    return {}


def _load(application: Application, options: Options) -> dict[str, Any]:
    names = ("servers", "domain", "path", "rate", "agent")
    serving.begin(application, {name: options[name] for name in names}, options["seconds"])
    return {}


def _count(_application: Application, options: Options) -> dict[str, Any]:
    return {"logged": serving.logged(Path(options["log"]), options["agent"], options["since"])}


def _break(application: Application, options: Options) -> dict[str, Any]:
    health = Health(options["health_path"], options["health_host"], 0)
    most = options["disk_mb"] * faults.MIB
    request = faults.Request(application, health, options["seconds"], most)
    return {"healed": round(faults.FAULTS[options["fault"]](request), 2)}


def _mend(application: Application, options: Options) -> dict[str, Any]:
    ended = faults.mend(application)
    if not options["fault"]:
        stop(application, "load")
    return {"ended": ended}


def _clear(application: Application, options: Options) -> dict[str, Any]:
    return {"removed": traces.clear(application, options["release"])}


STATES: dict[str, Callable[[Application, Options], dict[str, Any]]] = {
    "looked": lambda application, _options: {"found": traces.look(application)},
    "begun": _begin,
    "packed": lambda application, _options: traces.packed(application),
    "loaded": _load,
    "unloaded": lambda application, _options: {"load": serving.end(application)},
    "logged": _count,
    "broken": _break,
    "mended": _mend,
    "cleared": _clear,
}
#: States that only read.
READING = ("looked", "packed", "logged")


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": list(STATES), "required": True},
            "drill": {"type": "str", "default": ""},
            "release": {"type": "str", "default": ""},
            "fault": {"type": "str", "choices": list(ON_HOST)},
            "seconds": {"type": "int", "default": 300},
            "archive": {"type": "path", "default": ""},
            "disk_mb": {"type": "int", "default": 10240},
            "health_path": {"type": "str", "default": "/healthz"},
            "health_host": {"type": "str", "default": "localhost"},
            "servers": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "address": {"type": "str", "required": True},
                    "port": {"type": "int", "default": 443},
                },
            },
            "domain": {"type": "str", "default": "localhost"},
            "path": {"type": "str", "default": "/healthz"},
            "rate": {"type": "float", "default": 20},
            "agent": {"type": "str", "default": "asgi-fleet-drill"},
            "log": {"type": "path", "default": ""},
            "since": {"type": "float", "default": 0},
        },
        required_if=[
            ("state", "broken", ["fault"]),
            ("state", "begun", ["drill", "release"]),
            ("state", "cleared", ["release"]),
            ("state", "logged", ["log"]),
        ],
        supports_check_mode=True,
    )
    state = module.params["state"]
    reads = state in READING
    if module.check_mode and not reads:
        module.exit_json(changed=True)
    try:
        result = STATES[state](Application(module.params["name"]), module.params)
    except (DrillError, OSError, Refusal) as error:
        module.refuse(error)
    module.exit_json(changed=not reads, **result)


if __name__ == "__main__":
    main()
