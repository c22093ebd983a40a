"""The filter `asgi.fleet.worker_plan`."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.processes import memory_mb
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.worker_class import loss
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import plan_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

DOCUMENTATION = r"""
name: worker_plan
short_description: Plan the number of workers from what a host may use
version_added: "0.1.0"
description:
  - C(auto) is the smaller of 2 * cores + 1 and (memory - reserve) / slots / worker_memory_mb, but
    at least 1.
  - A number is used unchanged; the reason then warns if the memory allows less.
positional: workers, worker_memory_mb, reserve_mb, slots
options:
  _input:
    description: The C(capacity) that M(asgi.fleet.host_capacity) returns.
    type: dict
    required: true
  workers:
    description: C(auto), or a number from 1 to 512.
    type: raw
    default: auto
  worker_memory_mb:
    description: Memory that one worker may need, in MB (2^20 bytes).
    type: int
    default: 128
  reserve_mb:
    description:
      - Memory to leave for everything except the application, in MB.
      - By default 10 % of the memory, at least 256 MB.
    type: int
  slots:
    description: Slots that run at the same time during a cut-over.
    type: int
    default: 2
  worker_class:
    description: Gunicorn's worker class; the reason says what a plain one loses.
    type: str
    default: ""
  prefix:
    description: Prefix of the variables that messages name.
    type: str
    default: gunicorn_service_
  processes:
    description:
      - The other processes of a slot, each with C(count) and C(memory_mb), whose memory workers
        cannot have.
    type: list
    elements: dict
    default: []
  connections:
    description:
      - What one worker opens to the database (C(per_worker)), and how many connections this host
        may have with all its slots (C(share)). C(auto) stays below; empty for no limit.
    type: dict
    default: {}
seealso:
  - plugin: asgi.fleet.host_capacity
    plugin_type: module
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
# 3 workers: 2 cores would allow 5, but 768 MB for two slots allow 3 of 128 MB each
- name: Print the plan of a host with two cores and 1 GB
  ansible.builtin.debug:
    msg: "{{ ({'cores': 2, 'memory_bytes': 1073741824} | asgi.fleet.worker_plan).reason }}"
"""

RETURN = r"""
_value:
  description: The plan, and the reasons for it.
  type: dict
  contains:
    workers:
      description: Workers of one slot.
      type: int
    reason:
      description: One sentence for the operator; it starts with the number.
      type: str
    decided_by:
      description:
        - C(cores), C(memory), C(connections), C(minimum) if the memory allows none, C(maximum), or
          C(configured).
      type: str
    cores:
      description: Whole cores of the host.
      type: int
    by_cores:
      description: Workers that the cores would allow.
      type: int
    by_memory:
      description: Workers that the memory would allow; may be 0.
      type: int
    memory_mb:
      description: Memory of the host, in MB.
      type: int
    reserve_mb:
      description: Memory left for everything except the application, in MB.
      type: int
    memory_max_mb:
      description:
        - Suggested C(MemoryMax=) of each slot's unit, in MB, 2 * workers * worker_memory_mb + 512,
          but at most all memory except the reserve.
        - The memory of a worker is an estimate, which must not get a worker killed; so it counts
          twice, and 512 MB are for what is not a worker.
      type: int
    connections:
      description: What the workers may open to the database; empty without a limit.
      type: str
"""


def worker_lines(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return one line for each plan, with the hosts that have it.

    Args:
        hosts: The hosts of a rollout that has begun.
        hostvars: The variables of all hosts; of each its `deployment` and `rollout_begun`.
    """
    of_plan: dict[tuple[str, str], list[str]] = {}
    held: dict[str, Mapping[str, int]] = {}
    for host in hosts:
        # A host that another rollout has locked tells nothing of itself.
        if "capacity" not in hostvars[host].get("rollout_begun", {}):
            continue
        deployment = hostvars[host]["deployment"]
        plan = worker_plan(
            hostvars[host]["rollout_begun"]["capacity"],
            deployment["app_workers"],
            deployment["app_worker_memory_mb"],
            worker_class=hostvars[host].get("gunicorn_service_worker_class", ""),
            prefix="app_",
            processes=deployment.get("app_processes", []),
            connections=hostvars[host].get("gunicorn_service_connections"),
        )
        line = "; ".join(filter(None, (plan["reason"], plan["connections"])))
        of_plan.setdefault((deployment["app_name"], line), []).append(host)
        if memory := hostvars[host]["rollout_begun"].get("memory"):
            held[host] = memory
    return [
        f"{app} on {', '.join(on)}: {line}{_measured([held[host] for host in on if host in held])}"
        for (app, line), on in of_plan.items()
    ]


def _measured(held: Iterable[Mapping[str, int]]) -> str:
    """Return what live slots hold just now, the most of all hosts; empty for none."""
    found = list(held)
    if not any(one["workers"] for one in found):
        return ""
    slot = max(found, key=lambda one: one["slot_mb"])
    return (
        f"; measured (PSS): a worker holds up to {max(one['largest_mb'] for one in found)} MB, and "
        f"a slot with {slot['workers']} of them {slot['slot_mb']} MB"
    )


@refusing
def worker_plan(
    capacity: Mapping[str, Any],
    workers: object = "auto",
    worker_memory_mb: object = 128,
    reserve_mb: object = None,
    slots: object = 2,
    worker_class: str = "",
    prefix: str = "gunicorn_service_",
    processes: Sequence[Mapping[str, Any]] = (),
    connections: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the plan of a host as a mapping.

    Raises:
        AnsibleFilterError: The input is no capacity, or a value is not of the allowed ones.
    """
    try:
        cores, memory_bytes = int(capacity["cores"]), int(capacity["memory_bytes"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the capacity is {capacity!r}; expected a mapping with the numbers cores and "
            "memory_bytes; hand in the `capacity` that asgi.fleet.host_capacity returns"
        ) from error
    plan = plan_workers(
        cores,
        memory_bytes,
        workers,
        worker_memory_mb,
        reserve_mb,
        slots,
        prefix,
        memory_mb(processes, cores),
        connections,
    )
    lost = loss(worker_class)
    return asdict(replace(plan, reason=f"{plan.reason}; {lost}") if lost else plan)


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"worker_plan": worker_plan, "worker_lines": worker_lines}
