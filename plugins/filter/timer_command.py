"""The filter `asgi.fleet.timer_command`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import METRICS, beside_slots
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.exec_line import exec_line

DOCUMENTATION = r"""
name: timer_command
short_description: Write the command of a timer as ExecStart= of systemd
version_added: "0.1.0"
description:
  - The command is run by C(/bin/sh), in its release. While it runs it holds a lock on the source of
    that release (flock(1)), so that the release is not removed.
  - Nothing in the command has a meaning for systemd.
  - C(PROMETHEUS_MULTIPROC_DIR) of the environment becomes the command's own folder, since that of
    the slot belongs to the slot.
positional: application, runtime, environment
options:
  _input:
    description: The command.
    type: str
    required: true
  application:
    description: Name of the application.
    type: str
    required: true
  runtime:
    description: The command's own folder below C(/run/<application>).
    type: str
    required: true
  environment:
    description: The application's environment.
    type: dict
    default: {}
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show the line
  ansible.builtin.debug:
    msg: "{{ 'shop-report --share 5%' | asgi.fleet.timer_command('shop', 'timer-report') }}"
"""

RETURN = r"""
_value:
  description: What follows C(ExecStart=).
  type: str
"""


@refusing
def timer_command(
    command: str, application: str, runtime: str, environment: Mapping[str, Any] | None = None
) -> str:
    """Return what follows ExecStart=."""
    named = {name: str(value) for name, value in (environment or {}).items() if name in METRICS}
    own = {
        name: value for name, value in beside_slots(named, application, runtime).items() if value
    }
    replaced = ["/usr/bin/env", *(f"{name}={value}" for name, value in own.items())] if own else []
    # The unit starts in the source of its release.
    held = ["/usr/bin/flock", "--shared", "--no-fork", "."]
    return exec_line([*held, *replaced, "/bin/sh", "-c", command])


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"timer_command": timer_command}
