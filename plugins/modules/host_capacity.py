#!/usr/bin/python
"""Tell what a host may really use."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_capacity
short_description: Find out how many cores and how much memory a host may really use
version_added: "0.1.0"
description:
  - Reads the scheduler's affinity, the machine's memory, and the limits of every cgroup between the
    service and the root, in version 1 and version 2 of the interface.
  - The facts C(processor_nproc) and C(memtotal_mb) ignore CPU quotas and memory limits, which a
    container, a guest or a systemd slice often has.
  - Only reads, and sets no facts.
options:
  slice:
    description:
      - The systemd slice that the service will run in. Its limits and those of the slices around
        it apply.
      - If empty, the cgroup of the module's own process is used, which with SSH is in
        C(user.slice) and says little about a service.
    type: str
    default: system.slice
attributes:
  check_mode:
    description: Does the same in check mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
requirements:
  - Linux, Python 3.10 or newer
seealso:
  - plugin: asgi.fleet.worker_plan
    plugin_type: filter
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Find out what the service may use
  asgi.fleet.host_capacity:
    slice: system.slice
  register: host

- name: Print the plan
  ansible.builtin.debug:
    msg: "{{ (host.capacity | asgi.fleet.worker_plan).reason }}"
"""

RETURN = r"""
capacity:
  description: What may be used, and which limit applied.
  returned: success
  type: dict
  contains:
    cores:
      description: Whole cores; a quota is rounded down, but is at least 1.
      type: int
      sample: 2
    cores_source:
      description: C(affinity), or the file with the limit that applied.
      type: str
      sample: /sys/fs/cgroup/system.slice/cpu.max
    memory_bytes:
      description: Memory in bytes, without swap.
      type: int
      sample: 1073741824
    memory_source:
      description: C(MemTotal), or the file with the limit that applied.
      type: str
      sample: MemTotal
"""

from dataclasses import asdict

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.capacity import read_own_capacity


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={"slice": {"type": "str", "default": "system.slice"}},
        supports_check_mode=True,
    )
    try:
        capacity = read_own_capacity(module.params["slice"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, capacity=asdict(capacity))


if __name__ == "__main__":
    main()
