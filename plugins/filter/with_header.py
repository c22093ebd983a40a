"""Filter `asgi.fleet.with_header`; the rules are in `plugin_utils/text/headers.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.headers import with_header

DOCUMENTATION = r"""
name: with_header
short_description: A file with the header by which the next run knows it as its own
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Adds the header to a file that has none, such as one of a template of your own.
positional: subject
options:
  _input:
    description: The file.
    type: str
    required: true
  subject:
    description: What it is.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Render the site
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.template', 'own.conf.j2') | asgi.fleet.with_header('Own') }}"
"""

RETURN = r"""
_value:
  description: The file.
  type: str
"""


class FilterModule:
    """Names the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"with_header": refusing(with_header)}
