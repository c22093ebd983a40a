#!/usr/bin/python
"""Module `asgi.fleet.host_drift`; the comparison is in `module_utils/host/drift.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_drift
short_description: Tell how a host differs from its baseline
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - "Read-only: compares packages, clock, time zone, firewall, kernel parameters and small files
    with what is wanted of them, all in one round trip."
  - Tasks that change a host then need to run only where something differs.
options:
  packages:
    description:
      - Packages that have to be installed, as apt names them.
      - One that only apt can judge, such as a pattern, is reported as missing.
    type: list
    elements: str
    default: []
  time_sync:
    description: Whether systemd-timesyncd has to keep the clock, unless another time daemon is
      installed. In a container only its package is looked at.
    type: bool
    default: false
  timezone:
    description: Name of the time zone; empty for any.
    type: str
    default: ""
  firewall:
    description: Whether ufw has to let in what O(ssh_ports), O(tcp_ports), O(rules) and
      O(vrrp_peers) say, and to come up at boot.
    type: bool
    default: false
  sysctl:
    description: Kernel parameters by name.
    type: dict
    default: {}
  sysctl_file:
    description: The file that has to set them at boot.
    type: path
    default: /etc/sysctl.d/60-asgi-fleet.conf
  files:
    description: Content of files by absolute path. They have to belong to the user that the module
      runs as, with the mode 0644.
    type: dict
    default: {}
  absent_files:
    description: Absolute paths at which nothing may be.
    type: list
    elements: path
    default: []
requirements:
  - Debian or Ubuntu with systemd
extends_documentation_fragment:
  - asgi.fleet.firewall_rules
  - asgi.fleet.reading
"""

EXAMPLES = r"""
- name: Compare the host with what is wanted
  asgi.fleet.host_drift:
    packages: [curl]
    sysctl:
      net.core.somaxconn: 4096
  register: host

- name: Install the missing packages
  ansible.builtin.apt:
    name: "{{ host.drift.packages }}"
  when: "'packages' in host.drift"
"""

RETURN = r"""
drift:
  description: What differs, by subject. A subject without a difference is not there, so an empty
    dictionary means that the host is as wanted.
  returned: success
  type: dict
  contains:
    packages:
      description: Packages to install.
      type: list
      elements: str
    units:
      description: Units that do not start at boot, or do not run.
      type: list
      elements: str
    timezone:
      description: The time zone to set.
      type: list
      elements: str
    firewall:
      description: Commands of ufw that would change something, or why ufw cannot be asked.
      type: list
      elements: str
    sysctl:
      description: Kernel parameters to set.
      type: list
      elements: str
    files:
      description: Paths of files to write or to remove.
      type: list
      elements: str
  sample: {sysctl: [net.core.somaxconn]}
"""

import os
import shlex
import subprocess
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.drift import Baseline, find_drift
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import (
    ARGUMENTS,
    pending_commands,
    session_port,
    wanted_rules,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import (
    UnfitError,
    require_fit_host,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal


class UfwError(Exception):
    """What ufw said when it failed."""


def firewall_drift(module: Module) -> list[str]:
    """Return the commands of ufw that would change something."""
    program = module.get_bin_path("ufw")
    if not program:
        return ["ufw is not installed"]

    def ask(*arguments: str) -> str:
        code, output, error = module.run_command(
            [program, *arguments], environ_update={"LANGUAGE": "C", "LC_ALL": "C"}
        )
        if code:
            raise UfwError((error or output).strip())
        return str(output)

    rules = wanted_rules(
        session_port(os.getpid()),
        *(module.params[name] for name in ("ssh_ports", "tcp_ports", "rules", "vrrp_peers")),
    )
    try:
        return [shlex.join(["ufw", *arguments]) for arguments in pending_commands(ask, rules)]
    except (UfwError, OSError) as error:
        # The module that sets the rules meets it as well, and explains it.
        return [str(error)]


def main() -> None:
    """Run the module."""
    own: dict[str, Any] = {
        "packages": {"type": "list", "elements": "str", "default": []},
        "time_sync": {"type": "bool", "default": False},
        "timezone": {"type": "str", "default": ""},
        "firewall": {"type": "bool", "default": False},
        "sysctl": {"type": "dict", "default": {}},
        "sysctl_file": {"type": "path", "default": "/etc/sysctl.d/60-asgi-fleet.conf"},
        "files": {"type": "dict", "default": {}},
        "absent_files": {"type": "list", "elements": "path", "default": []},
    }
    module = Module(argument_spec={**own, **ARGUMENTS}, supports_check_mode=True)
    wanted = {name: module.params[name] for name in own}
    wanted["sysctl"] = {name: str(value) for name, value in wanted["sysctl"].items()}
    try:
        require_fit_host()
        drift = find_drift(Baseline(**wanted))
    except UnfitError as error:
        module.refuse(error)
    except (Refusal, OSError, subprocess.SubprocessError) as error:
        module.fail_json(
            msg=f"the host cannot be compared with its baseline: {error}; expected Debian or "
            "Ubuntu with systemd"
        )
    if wanted["firewall"] and (commands := firewall_drift(module)):
        drift["firewall"] = commands
    module.exit_json(changed=False, drift=drift)


if __name__ == "__main__":
    main()
