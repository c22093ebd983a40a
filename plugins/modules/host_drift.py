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
  authorities:
    description: Certificates of authorities in PEM, as M(asgi.fleet.host_network) has them.
    type: dict
    default: {}
  apt_proxy:
    description: URL of the proxy of apt, with its credentials; empty for none.
    type: str
    default: ""
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
    description: Whether ufw has to be installed, to let in what O(ssh_ports), O(tcp_ports),
      O(rules), O(vrrp_peers) and O(listening) say, and to come up at boot; unless the host has a
      firewall of its own.
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
    network:
      description: Paths that M(asgi.fleet.host_network) would write, remove or make anew.
      type: list
      elements: str
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
lines:
  description: What becomes of those who listen on the host when it is closed, for an operator to
    read; or which firewall it has of its own.
  returned: success
  type: list
  elements: str
  sample: ["the firewall keeps UDP 51820 (wg0, WireGuard) open, which listens already"]
"""

import shlex
import subprocess
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.drift import Baseline, find_drift
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import ARGUMENTS
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall_plan import (
    Plan,
    UfwError,
    plan,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall_undo import Undo
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import (
    UnfitError,
    require_fit_host,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.network import (
    Network,
    NetworkError,
    differences,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal

UFW = "ufw"


def firewall_drift(planned: Plan) -> list[str]:
    """Return the commands of ufw that would change something."""
    if Undo().pending:
        return ["a change that was not proven is taken back first"]
    try:
        return [shlex.join([UFW, *arguments]) for arguments in planned.commands()]
    except (UfwError, OSError) as error:
        # The module that sets the rules meets it as well, and explains it.
        return [str(error)]


def main() -> None:
    """Run the module."""
    network: dict[str, Any] = {
        "authorities": {"type": "dict", "default": {}},
        "apt_proxy": {"type": "str", "default": "", "no_log": True},
    }
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
    module = Module(argument_spec={**network, **own, **ARGUMENTS}, supports_check_mode=True)
    wanted = {name: module.params[name] for name in own}
    wanted["sysctl"] = {name: str(value) for name, value in wanted["sysctl"].items()}
    try:
        require_fit_host()
        planned = plan(module.params) if wanted["firewall"] else Plan()
        if planned.refusal:
            module.fail_json(msg=planned.refusal)
        wanted["firewall"] = wanted["firewall"] and not planned.own
        wanted["packages"] += [UFW] if wanted["firewall"] else []
        drift = find_drift(Baseline(**wanted))
        if access := differences(Network(**{name: module.params[name] for name in network})):
            drift["network"] = access
    except (NetworkError, UnfitError) as error:
        module.refuse(error)
    except (Refusal, UfwError, OSError, subprocess.SubprocessError) as error:
        module.fail_json(
            msg=f"the host cannot be compared with its baseline: {error}; expected Debian or "
            "Ubuntu with systemd"
        )
    if wanted["firewall"] and (commands := firewall_drift(planned)):
        drift["firewall"] = commands
    module.exit_json(changed=False, drift=drift, lines=planned.lines)


if __name__ == "__main__":
    main()
