"""The filter `asgi.fleet.process_plan`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.processes import processes
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.processes import plan_processes

DOCUMENTATION = r"""
name: process_plan
short_description: Plan the processes that run besides the web workers
version_added: "0.1.0"
description:
  - Gives each process its number on a host, the limits of its unit, and its command as systemd
    reads it.
positional: capacity, prefix
options:
  _input:
    description: The processes, as C(gunicorn_service_processes) of the role describes them.
    type: list
    elements: dict
    required: true
  capacity:
    description: The C(capacity) that M(asgi.fleet.host_capacity) returns.
    type: dict
    required: true
  prefix:
    description: Prefix of the variables that messages name.
    type: str
    default: gunicorn_service_
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show how many workers of a queue a host runs
  ansible.builtin.debug:
    msg: "{{ [{'name': 'worker', 'command': 'arq worker.Settings', 'count': 'cores'}]
             | asgi.fleet.process_plan({'cores': 2, 'memory_bytes': 1073741824}) }}"
"""

RETURN = r"""
_value:
  description: The processes, each with all of its keys, and with C(memory_max_mb) and C(exec).
  type: list
  elements: dict
"""


@refusing
def process_plan(
    given: Sequence[Mapping[str, Any]],
    capacity: Mapping[str, Any],
    prefix: str = "gunicorn_service_",
) -> list[dict[str, Any]]:
    """Return the plan of a host.

    Raises:
        AnsibleFilterError: A process is not as it must be.
    """
    if not given:
        return []
    findings = Findings(f"{prefix}processes", "correct it")
    wanted = processes([dict(process) for process in given], findings)
    if findings.problems:
        raise ValueError(findings.problems[0].message)
    return plan_processes(wanted, int(capacity["cores"]), int(capacity["memory_bytes"]))


@refusing
def process_options(plan: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what `asgi.fleet.slot` must know of the processes; the rest is in their units."""
    return [
        {
            "name": process["name"],
            "count": process["count"],
            "overlap": process["overlap"],
            "once_per_fleet": process["once_per_fleet"],
            "stop_timeout": process["stop_timeout"],
        }
        for process in plan
    ]


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"process_plan": process_plan, "process_options": process_options}
