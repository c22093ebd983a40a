"""The filter `asgi.fleet.environment_file`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    format_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import of_slot
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.environment import as_text

DOCUMENTATION = r"""
name: environment_file
short_description: Write a mapping as systemd's EnvironmentFile=
version_added: "0.1.0"
description:
  - Every value is quoted, so that spaces, C(#), C($), quotes and newlines reach the service
    unchanged (see systemd.exec(5), EnvironmentFile=).
  - Booleans become C(true) and C(false), null an empty string; whole numbers are written
    unchanged, lists and mappings as JSON.
  - Numbers with a fraction are refused, since YAML has made C(1.1) of C(1.10) before.
  - With O(slot), C(PROMETHEUS_MULTIPROC_DIR) becomes a folder below the given one: two slots run at
    the same time, and each needs its own.
positional: slot
options:
  _input:
    description: Names and values.
    type: dict
    required: true
  slot:
    description: The slot that it is for; empty for what runs in none.
    type: str
    default: ""
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show the file
  ansible.builtin.debug:
    msg: "{{ {'GREETING': 'good morning', 'DEBUG': false} | asgi.fleet.environment_file }}"
"""

RETURN = r"""
_value:
  description: The text, one variable after another, sorted by name.
  type: str
"""


@refusing
def environment_file(variables: Mapping[str, Any], slot: str = "") -> str:
    """Return the text of an EnvironmentFile= for `variables`.

    Raises:
        AnsibleFilterError: the input is no mapping, or a value is neither text, number nor boolean.
    """
    if not isinstance(variables, Mapping):
        raise ValueError(
            f"the environment is a {type(variables).__name__}; "
            "expected a mapping of names to values"
        )
    texts = {str(name): _text(name, value) for name, value in variables.items()}
    return format_environment(of_slot(texts, slot) if slot else texts)


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        raise ValueError(
            f"{name} is the number {value}; expected a text, since YAML reads 1.10 as 1.1; "
            "write it in quotes"
        )
    if isinstance(value, (str, int, list, Mapping)):
        try:
            return as_text(value)
        except TypeError as error:
            raise ValueError(f"{name} holds a {error}; write it in quotes") from None
    raise ValueError(
        f"{name} is a {type(value).__name__}; expected text, a whole number, a boolean, a list or "
        "a mapping; write it in quotes"
    )


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"environment_file": environment_file}
