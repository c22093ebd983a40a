"""Sources without credentials; the rule is in `plugin_utils/sources/credentials.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import shown

DOCUMENTATION = r"""
name: shown_source
short_description: A source without user names and passwords in its URLs
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Two sources that differ in their credentials alone are the same source.
options:
  _input:
    description: The source, as C(app_source).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where a release comes from
  ansible.builtin.debug:
    msg: "{{ python_release_source | asgi.fleet.shown_source }}"
"""

RETURN = r"""
_value:
  description: The source.
  type: dict
"""


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"shown_source": refusing(shown)}
