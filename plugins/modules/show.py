#!/usr/bin/python
"""The documentation of the action plugin `show`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print lines as they are
version_added: "0.1.0"
description:
  - Prints a table or a message at the terminal, whatever the result format of the output is.
    A table in C(ansible.builtin.debug) is wrapped or escaped.
extends_documentation_fragment: asgi.fleet.reading
options:
  lines:
    description: The lines.
    type: list
    elements: str
    required: true
  failure:
    description: Fail with this message once the lines are printed; empty does not.
    type: str
    default: ""
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show the fleet
  asgi.fleet.show:
    lines: "{{ states | asgi.fleet.status_table }}"
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
"""
