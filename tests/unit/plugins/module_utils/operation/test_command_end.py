"""How a command ended, from what its keeper has noted."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.operation.command_end import End, end_of

SUCCESS = {"load": "loaded", "result": "success", "code": "1", "status": "0", "reason": ""}


@pytest.mark.parametrize(
    ("noted", "seconds", "status", "problem"),
    [
        ({}, 1.0, 0, ""),
        ({"result": "exit-code", "status": "3"}, 1.0, 3, "exit status 3"),
        ({"result": "exit-code", "status": "127"}, 1.0, 127, "exit status 127"),
        (
            {"result": "signal", "code": "2", "status": "9"},
            1.0,
            137,
            "it was killed by signal 9",
        ),
        (
            {"result": "oom-kill", "code": "2", "status": "9"},
            1.0,
            137,
            "it was killed because it used more memory than it may",
        ),
        (
            {"result": "timeout", "code": "2", "status": "15"},
            60.1,
            124,
            "it did not end within 60 s and was killed; give it longer: -e run_seconds=...",
        ),
        # It ended in time, and what it had started did not heed SIGTERM.
        ({"result": "timeout", "status": "0"}, 5.0, 0, ""),
        ({"result": "timeout", "status": "4"}, 5.0, 4, "exit status 4"),
        ({"reason": "interrupted", "result": "signal"}, 1.0, 130, "it was interrupted"),
        (
            {"reason": "gone", "result": "signal"},
            1.0,
            130,
            "its controller was gone, so the host stopped it",
        ),
        ({"load": "not-found", "code": ""}, 0.0, 125, "systemd did not start it: no bus"),
        ({"result": "resources", "code": "0"}, 0.0, 125, "systemd did not start it: no bus"),
    ],
)
def test_end_is_told_as_a_shell_tells_it(
    noted: dict[str, str], seconds: float, status: int, problem: str
) -> None:
    assert end_of(SUCCESS | noted, seconds, 60, "no bus") == End(status, problem, seconds)
