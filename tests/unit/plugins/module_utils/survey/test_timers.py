"""How timers stand on a host, from what systemctl prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.survey import timers
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import blocks

SHOWN = """\
Id=shop@timer-tick.timer
ActiveState=active
NextElapseUSecRealtime=Sat 2026-11-28 12:00:00 UTC
LastTriggerUSec=Sat 2026-11-28 11:59:00 UTC
Result=success

Id=shop@timer-tick.service
ActiveState=activating
Result=exit-code
ExecMainStatus=3
"""


def test_state_of_a_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "_show", lambda _units: blocks(SHOWN))
    application = Application("shop", str(tmp_path))
    path = Path(application.slot("blue").files["timers"])
    path.parent.mkdir(parents=True)
    path.write_text(
        "#: shop@timer-tick.timer\n[Timer]\nOnCalendar=minutely\n\n"
        "#: shop@timer-tick.service\n[Service]\n"
    )
    assert timers.timer_states(application, "blue") == [
        {
            "name": "tick",
            "schedule": "minutely",
            "once_per_fleet": False,
            "due": True,
            "active": True,
            "running": True,
            "next": 1795867200,
            "last": 1795867140,
            "problem": "exit status 3",
        }
    ]
    assert timers.timer_states(application, "green") == []
    assert timers.timer_states(application, None) == []


@pytest.mark.parametrize(
    ("result", "status", "told"),
    [
        ("success", "0", ""),
        ("", "", ""),
        ("signal", "9", "signal 9"),
        ("timeout", "15", "it took longer than its timeout"),
        ("oom-kill", "9", "it needed more memory than its memory_mb"),
        ("resources", "0", "resources"),
    ],
)
def test_failure_of_the_last_run(result: str, status: str, told: str) -> None:
    assert timers.problem({"Result": result, "ExecMainStatus": status}) == told


def test_time_that_is_not_known_is_zero() -> None:
    assert [timers.moment(text) for text in ("", "n/a")] == [0, 0]
