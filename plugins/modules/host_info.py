#!/usr/bin/python
"""Tell what a host needs, whatever it serves."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Collect what a host needs, such as security updates, whatever it serves
version_added: "0.1.0"
description:
  - "Read-only: which security updates wait, of the packages that carry requests (nginx, HAProxy,
    OpenSSL, Python); whether a reboot is due; which units still run on files that an
    update has replaced; whose processes the kernel killed for lack of memory; how full the disks
    are."
  - The updates are those of the package lists that the host has. No archive is asked.
options:
  units:
    description: Units of systemd that carry requests.
    type: list
    elements: str
    default: []
requirements:
  - Debian or Ubuntu with systemd
extends_documentation_fragment:
  - asgi.fleet.reading
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Collect the state of a balancer
  asgi.fleet.host_info:
    units: [haproxy.service]
  register: host
"""

RETURN = r"""
state:
  description: The state of the host.
  returned: success
  type: dict
  contains:
    at:
      description: When the state was collected, by the host's clock (Unix time).
      type: int
    units:
      description: Whether each of the units runs, and starts at boot.
      type: dict
      sample: {haproxy.service: {active: true, enabled: true}}
    disks:
      description: How full the file systems of /opt and /var are, in percent.
      type: dict
      sample: {/opt: 41, /var: 41}
    updates:
      description:
        - What waits to be installed. C(lists_at) says when the host last fetched its package lists
          (Unix time); C(error) why the packages could not be found out, and is empty otherwise.
      type: dict
      sample:
        waiting: [{package: nginx, installed: 1.22.1-9, version: 1.22.1-9+deb12u6, held: false}]
        lists_at: 1795241400
        reboot_required: true
        reboot_packages: [linux-image-amd64]
        error: ""
    memory_kills:
      description: Units whose processes the kernel killed for lack of memory, with all that are
        known of, and with those of the last day.
      type: dict
      sample: {haproxy.service: {total: 3, recent: 1}}
    outdated:
      description: Units that run on replaced files, with the names of these files.
      type: dict
      sample: {haproxy.service: [libssl.so.3]}
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.upkeep import look_at_host


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={"units": {"type": "list", "elements": "str", "default": []}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, state=look_at_host(module.params["units"]))


if __name__ == "__main__":
    main()
