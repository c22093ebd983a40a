#!/usr/bin/python
"""The documentation of the action plugin `show`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print lines unchanged
version_added: "0.1.0"
description:
  - Prints a table or a message to the terminal, whatever the result format of the output is.
    C(ansible.builtin.debug) would wrap or escape a table.
extends_documentation_fragment: asgi.fleet.reading
options:
  lines:
    description: The lines.
    type: list
    elements: str
    required: true
  failure:
    description: Fail with this message after printing the lines; empty does not fail.
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
reason_follows:
  description: That the message of the failure says less than what the play shows at its end.
  returned: failure without lines
  type: bool
"""
