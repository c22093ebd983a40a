#!/usr/bin/python
"""The documentation of the action plugin `packages`; `ansible.builtin.apt` does the work."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install Debian packages, even on a host that has no package lists yet
version_added: "0.1.0"
description:
  - If one of the packages is missing, calls M(ansible.builtin.apt) without recommended packages,
    with package lists that are at most an hour old, and waits up to five minutes for another
    process that holds dpkg's lock. If none is, no mirror is asked.
  - A fresh image has no package lists, but a new folder for them. M(ansible.builtin.apt) takes the
    age of the folder for the age of the lists and finds no package; this action fetches the lists.
  - In check mode, where lists are not fetched, such a host reports a change. On a host with lists,
    a package that they do not contain is refused as usual.
options:
  name:
    description: Names of the packages.
    type: list
    elements: str
    required: true
  state:
    description: V(latest) upgrades a package that is installed.
    type: str
    choices: [present, latest]
    default: present
  policy_rc_d:
    description: V(101) installs a service without starting it.
    type: int
  variable:
    description: Where the names come from, for the message about one that apt does not know.
    type: str
    default: ""
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
msg:
  description: Why no package could be looked up, on a host without package lists.
  returned: in check mode, on a host without package lists
  type: str
"""
