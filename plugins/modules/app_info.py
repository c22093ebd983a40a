#!/usr/bin/python
"""Tell how an application stands on a host."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: app_info
short_description: Collect the state of an application on a host
version_added: "0.1.0"
description:
  - "Read-only: the live slot and its release, workers with their PIDs, memory and use of CPU,
    health over the slot's own socket and, on request, through nginx, the certificate's days and
    names, the releases and their states, and whether a rollout holds the lock or maintenance mode
    is on."
extends_documentation_fragment:
  - asgi.fleet.health
  - asgi.fleet.front
  - asgi.fleet.reading
options:
  name:
    description: The application.
    type: str
    required: true
  upkeep:
    description:
      - Whether to find out as well what the host itself needs, as M(asgi.fleet.host_info) does, for
        nginx and the live slot.
    type: bool
    default: false
  wait_healthy_seconds:
    description:
      - Try again until the application answers 200, directly and (with O(https_port)) through
        nginx, and fail with the reason if it does not within this time, or as soon as waiting is of
        no use. V(0) tries once and does not fail.
    type: float
    default: 0
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Collect the state of the shop
  asgi.fleet.app_info:
    name: shop
    health_host: shop.example.com
    certificate: /etc/shop/tls/fullchain.pem
  register: shop
"""

RETURN = r"""
state:
  description: The state of the application.
  returned: success
  type: dict
  contains:
    application:
      description: Its name.
      type: str
    at:
      description: When the state was collected, by the host's clock (Unix time).
      type: int
    live:
      description: The live slot; null before the first release.
      type: dict
      sample: {slot: blue, release: 1.4.2-9f86d081, since: 1790000000, active: true}
    workers_planned:
      description: How many workers Gunicorn is configured to run.
      type: int
    workers:
      description:
        - The running workers; a stopped one is not healthy.
        - C(problem) says why a worker's report does not count; it is empty for one that does.
      type: list
      elements: dict
      sample: [{pid: 812, memory_mb: 47, healthy: true, stopped: false, problem: ""}]
    processes:
      description:
        - What must run besides the web workers, and its state. C(restarts) says how often systemd
          has started it anew since the slot is live.
      type: list
      elements: dict
      sample:
        - unit: shop@blue-worker-1.service
          process: worker
          state: active
          pid: 830
          memory_mb: 52
          restarts: 0
    singletons:
      description:
        - The processes of the live slot that run once in a fleet, and whether they run C(here).
      type: dict
      sample: {here: true, processes: [bot]}
    memory_mb:
      description: Memory of all processes of the slot in MiB, shared pages divided among them.
      type: int
    cpu_percent:
      description: Use of one core in percent over a quarter of a second; null if not known.
      type: float
    health:
      description: Status of the health path on the slot's socket; 0 without an answer.
      type: int
    https:
      description:
        - Answer of nginx, with O(https_port); null if not asked.
        - C(late) says that nginx accepted the request and the answer did not end in time.
        - C(certificate_current) says whether nginx serves the certificate of the file, and
          C(refused) why a visitor refuses it by its dates or names.
      type: dict
      sample: {status: 200, error: "", late: false, certificate_current: true, refused: ""}
    nginx:
      description:
        - Whether nginx runs, is about to, and starts at boot; null before the first release.
      type: dict
      sample: {active: true, starting: false, enabled: true}
    certificate:
      description:
        - What the certificate is for, from when to when it is valid (Unix time), and what the last
          renewal came to, if the host renews it itself; null without one.
      type: dict
      sample:
        names: [shop.example.com]
        begins: 1795241400
        ends: 1803017400
        renewal:
          mode: acme
          checked: 1795241400
          renewed: 0
          failures: 0
          reason: ""
          next: 1795284600
    idle_enabled:
      description: Units of the idle slot that would start at boot; there should be none.
      type: list
      elements: str
    maintenance_since:
      description: Since when maintenance mode is on (Unix time); null when it is off.
      type: int
    lock:
      description: Who holds the application's lock; null for nobody.
      type: dict
      sample: {rollout: 20261121T061000-5f3a, who: ada@laptop, since: 1795241400}
    finished:
      description: The last rollout that succeeded on the whole fleet; null if there is none.
      type: dict
    capacity:
      description: Cores and memory that a service may use, as M(asgi.fleet.host_capacity) says.
      type: dict
      sample: {cores: 2, cores_source: affinity, memory_bytes: 1073741824, memory_source: MemTotal}
    disks:
      description: How full the file systems of /opt and /var are, in percent.
      type: dict
      sample: {/opt: 41, /var: 41}
    updates:
      description: With O(upkeep), as M(asgi.fleet.host_info) returns it.
      type: dict
    memory_kills:
      description: With O(upkeep), as M(asgi.fleet.host_info) returns it.
      type: dict
    outdated:
      description: With O(upkeep), as M(asgi.fleet.host_info) returns it.
      type: dict
    silent_metrics:
      description:
        - With O(upkeep), what does not answer of the application's metrics, with the unit and the
          reason. C(exporter) is empty for the endpoint itself.
      type: list
      elements: dict
      sample:
        - exporter: nginx
          address: 127.0.0.1:9113
          unit: prometheus-nginx-exporter.service
          reason: it does not run
    releases:
      description: The releases on the host, newest first.
      type: list
      elements: dict
      sample: [{id: 1.4.2-9f86d081, state: live, built_at: 1790000000, built_by: ada}]
    recycle:
      description:
        - What the host's own recycles of the live release came to; null where it does not recycle.
      type: dict
      sample:
        at: 1795241400
        why: its master is 12.1 h old; due after 12.0 h
        failures: 0
        reason: ""
        next: 0
        waiting: ""
    refused:
      description:
        - What the sandbox refused to the live slot in the last day, as far as its journal tells,
          and the line that allows it.
      type: list
      elements: dict
      sample:
        - seen: ProtectSystem=strict refused a write to uploads/a.txt
          todo: "add app_writable_paths: [uploads]"
    backups:
      description: What is known of the last backups, as M(asgi.fleet.backup) returns it.
      type: dict
      sample: {last_good: 1795241400, timer: true, running: false}
    timers:
      description:
        - The timers of the live slot.
        - C(due) says whether one shall elapse on this host, and C(active) whether it does. C(next)
          and C(last) are Unix times, 0 if not known. C(problem) says how the last run failed.
        - C(overdue) says since when a run is due that has not begun, such as while the one before
          goes on; 0 for none. C(spent) says whether it elapses never again.
      type: list
      elements: dict
      sample:
        - name: report
          schedule: "*-*-* 02:30 UTC"
          once_per_fleet: false
          due: true
          active: true
          running: false
          next: 1795401000
          last: 1795314600
          overdue: 0
          spent: false
          problem: ""
"""

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.application import (
    Questions,
    unhealthy,
    wait_healthy,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "health_path": {"type": "str", "default": "/healthz"},
            "health_host": {"type": "str", "default": "localhost"},
            "certificate": {"type": "str", "default": ""},
            "https_port": {"type": "int", "default": 0},
            "https_path": {"type": "str", "default": "/healthz"},
            "upkeep": {"type": "bool", "default": False},
            "wait_healthy_seconds": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    patience = module.params["wait_healthy_seconds"]
    questions = {
        name: value
        for name, value in module.params.items()
        if name not in ("name", "wait_healthy_seconds")
    }
    application = Application(module.params["name"])
    state = wait_healthy(application, Questions(**questions), patience)
    if patience and (fault := unhealthy(state)):
        # Without the state: Ansible would print all of it, and bury the reason.
        module.fail_json(msg=f"not healthy: {fault.seen}; {fault.todo}")
    module.exit_json(changed=False, state=state)


if __name__ == "__main__":
    main()
