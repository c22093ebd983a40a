"""How timers stand on a host, from what systemctl prints."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.survey import timers
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import Timer, blocks

SHOWN = """\
Id=shop@timer-tick.timer
ActiveState=active
SubState=running
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
    monkeypatch.setattr(timers, "_after", lambda _schedule, last: last + 60)
    monkeypatch.setattr(time, "time", lambda: 1795867140 + 200)
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
            "overdue": 1795867200,
            "spent": False,
            "problem": "exit status 3",
        }
    ]
    assert timers.timer_states(application, "green") == []
    assert timers.timer_states(application, None) == []


WAITING = {"SubState": "waiting"}
ELAPSED = {"SubState": "running", "LastTriggerUSec": "Sat 2026-11-28 12:00:00 UTC"}
GOES_ON, ENDED = {"ActiveState": "activating"}, {"ActiveState": "inactive"}
NOON = 1795867200


@pytest.mark.parametrize(
    ("clock", "run", "now", "more", "expected"),
    [
        pytest.param(WAITING, ENDED, NOON, "", 0, id="it is not due"),
        pytest.param(ELAPSED, GOES_ON, NOON + 300, "", 0, id="the next is not due yet"),
        pytest.param(ELAPSED, GOES_ON, NOON + 350, "", 0, id="the next is due just now"),
        pytest.param(ELAPSED, GOES_ON, NOON + 361, "", NOON + 300, id="the next is due"),
        pytest.param(
            ELAPSED, GOES_ON, NOON + 361, "RandomizedDelaySec=30\n", 0, id="or a bit later"
        ),
        pytest.param(
            ELAPSED, GOES_ON, NOON + 391, "RandomizedDelaySec=30\n", NOON + 300, id="nor later"
        ),
        pytest.param(ELAPSED, ENDED, NOON + 59, "", 0, id="it begins"),
        pytest.param(ELAPSED, ENDED, NOON + 61, "", NOON, id="its start waits"),
    ],
)
def test_run_is_overdue(
    clock: dict[str, str],
    run: dict[str, str],
    now: int,
    more: str,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timers, "_after", lambda _schedule, last: last + 300)
    timer = Timer(Application("shop"), "tick", f"[Timer]\nOnCalendar=*:0/5\n{more}")
    assert timers.overdue(timer, clock, run, now) == expected


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="without systemd")
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_systemd_says_when_a_schedule_elapses_next(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    assert timers._after("*:0/5", NOON) == NOON + 300
    assert timers._after("2020-01-01", NOON) == 0
    assert timers._after("nonsense", NOON) == 0


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
