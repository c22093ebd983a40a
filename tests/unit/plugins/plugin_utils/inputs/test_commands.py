"""What all commands of an inventory have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.backup import backup
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.commands import LONGEST
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.processes import processes
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.timers import timers
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import hooks

Wanted = Callable[[str], Any]


@pytest.mark.parametrize(
    ("check", "wanted", "at"),
    [
        (processes, lambda text: [{"name": "bot", "command": ["bot", text]}], ".bot.command"),
        (
            timers,
            lambda text: [{"name": "report", "command": text, "schedule": "daily"}],
            "[report].command",
        ),
        (hooks, lambda text: {"before_rollout": [text]}, ".before_rollout[0]"),
        (backup, lambda text: {"command": "dump", "check": text}, ".check"),
    ],
)
def test_command_that_the_kernel_does_not_start_is_refused(
    check: Callable[[Any, Findings], object], wanted: Wanted, at: str
) -> None:
    findings = Findings("it")
    check(wanted("x" * (LONGEST - 20)), findings)
    assert findings.problems == []
    check(wanted("\u00e9" * LONGEST), findings)
    [problem] = findings.problems
    assert problem.message.startswith(f"it{at} is 2000")
    assert problem.message.endswith(
        " bytes long; expected at most 100000 bytes; put it into a script of the release"
    )
