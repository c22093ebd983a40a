#!/usr/bin/python
"""Module `asgi.fleet.packages`: what the action plugin of this name asks a host before apt."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install or upgrade Debian packages on a host as it stands
version_added: "0.1.0"
description:
  - If all packages are installed, asks dpkg alone, and neither apt nor a mirror.
  - Otherwise calls M(ansible.builtin.apt) without recommended packages, with package lists that are
    at most an hour old. Waits for cloud-init, unattended upgrades and whoever else uses apt; a
    refusal names who it is.
  - A package source that fails, such as one of somebody else whose server is gone, is a warning
    that names its file, as long as the other sources have the packages.
  - Services are not restarted by needrestart, which would cut requests.
  - In check mode lists are not fetched; a host that has none yet reports a change. On a host with
    lists, a package that they do not contain is refused as usual.
options:
  name:
    description: Names of the packages, unless O(state=upgraded).
    type: list
    elements: str
    default: []
  state:
    description:
      - V(latest) also upgrades those that are installed, and V(newer) only those.
      - V(upgraded) upgrades all packages of the host, without removing any.
    type: str
    choices: [present, latest, newer, upgraded]
    default: present
  policy_rc_d:
    description: V(101) installs a service without starting it.
    type: int
  variable:
    description: Where the names come from, for the message about one that apt does not know.
    type: str
    default: ""
  wait_seconds:
    description: How long to wait for others that use apt.
    type: int
    default: 300
attributes:
  check_mode:
    description: Reports what would be installed.
    support: full
  diff_mode:
    description: Shows what apt shows.
    support: full
seealso:
  - module: ansible.builtin.apt
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Install nginx without starting it
  asgi.fleet.packages:
    name: [nginx]
    policy_rc_d: 101
"""

RETURN = r"""
missing:
  description: Packages that were not installed.
  returned: success
  type: list
  elements: str
waited_for:
  description: Who used apt when the task began.
  returned: when somebody did
  type: str
msg:
  description: Why no package could be looked up, on a host without package lists.
  returned: in check mode, on a host without package lists
  type: str
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host import apt, apt_sources


def main() -> None:
    """Run the module: find out what is missing, and make apt ready if anything is."""
    module = Module(
        argument_spec={
            "name": {"type": "list", "elements": "str", "default": []},
            "state": {
                "type": "str",
                "choices": ["present", "latest", "newer", "upgraded"],
                "default": "present",
            },
            "policy_rc_d": {"type": "int"},
            "variable": {"type": "str", "default": ""},
            "wait_seconds": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    wanted = module.params["name"]
    present = module.params["state"] == "present"
    waited = ""
    try:
        missing = apt.missing(wanted, apt.installed_packages())
        if (missing or not present) and not module.check_mode:
            waited = apt.wait_until_free(module.params["wait_seconds"])
            valid = apt_sources.VALID_SECONDS if present else 0
            for warning in apt_sources.refresh(missing, valid=valid):
                module.warn(warning)
        has_lists = apt_sources.has_lists()
    except (apt.AptError, OSError) as error:
        module.refuse(error)
    module.exit_json(changed=False, missing=missing, has_lists=has_lists, waited_for=waited)


if __name__ == "__main__":
    main()
