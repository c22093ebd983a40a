"""The host's timers follow the live slot: files, what elapses, and what a run in progress keeps."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import removable
from ansible_collections.asgi.fleet.plugins.module_utils.slots import singletons
from ansible_collections.asgi.fleet.plugins.module_utils.timers import following, moving
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    Timer,
    parse,
    present,
)

from tests.unit.plugins.module_utils.slot_host import HEADER, Host, make_release

TICK, TICK_SERVICE = "shop@timer-tick.timer", "shop@timer-tick.service"


def text(name: str = "tick", schedule: str = "*:*:*", release: str = "1.0", more: str = "") -> str:
    """Return a timer's two units, as the role's template writes them."""
    return (
        f"#: shop@timer-{name}.timer\n{HEADER}[Timer]\nOnCalendar={schedule}\n{more}\n"
        f"#: shop@timer-{name}.service\n{HEADER}[Service]\nExecStart=/bin/true {release}\n\n"
    )


ONCE, PERSISTENT = "[X-Fleet]\nOncePerFleet=yes\n", "Persistent=yes\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    host = Host(tmp_path)
    monkeypatch.setattr(systemd, "systemctl", host.systemctl)
    return host


def live(host: Host, slot: str, timers: str) -> bool:
    """Have a slot be live with these timers, and the host's follow. Return: any change."""
    target = host.application.slot(slot)
    path = Path(target.files["timers"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(timers)
    link = Path(host.application.live_link)
    link.unlink(missing_ok=True)
    link.symlink_to(target.socket)
    host.calls.clear()
    return following.follow(target)


def calls(host: Host) -> list[str]:
    return [call for call, _live in host.calls]


def tick(host: Host) -> Timer:
    return Timer(host.application, "tick")


def test_slot_without_timers_asks_systemd_nothing(host: Host) -> None:
    assert live(host, "blue", "") is False
    assert calls(host) == []


def test_first_timer_is_written_enabled_and_started(host: Host) -> None:
    assert live(host, "blue", text()) is True
    assert calls(host) == [f"enable {TICK}", "daemon-reload", f"start {TICK}"]
    assert Path(tick(host).service_file).read_text().endswith("ExecStart=/bin/true 1.0\n")
    assert not host.changed_on_disk()
    assert live(host, "blue", text()) is False
    assert calls(host) == []


def test_next_release_only_replaces_what_runs(host: Host) -> None:
    live(host, "blue", text())
    host.states[TICK_SERVICE] = {"ActiveState": "activating"}
    assert live(host, "green", text(release="1.1")) is True
    assert calls(host) == ["daemon-reload"], "neither the timer nor its run is touched"
    assert "1.1" in Path(tick(host).service_file).read_text()


def test_revert_brings_back_a_timer_that_the_release_had_removed(host: Host) -> None:
    live(host, "blue", text() + text("report"))
    live(host, "green", text("report"))
    assert [timer.name for timer in present(host.application)] == ["report"]
    assert calls(host) == [f"disable {TICK}", f"stop {TICK}", "daemon-reload"]
    assert following.follow(host.application.slot("blue")) is True
    assert host.states[TICK]["ActiveState"] == "active"


def test_removed_timer_leaves_its_running_job_the_unit(host: Host) -> None:
    live(host, "blue", text())
    Path(tick(host).stamp).parent.mkdir(parents=True)
    Path(tick(host).stamp).touch()
    host.states[TICK_SERVICE] = {"ActiveState": "activating"}
    live(host, "green", "")
    gone = (tick(host).timer_file, tick(host).stamp)
    assert not any(Path(path).exists() for path in gone)
    assert Path(tick(host).service_file).exists()
    host.states[TICK_SERVICE] = {"ActiveState": "failed"}
    assert following.put_away_all(host.application) is True
    assert not Path(tick(host).service_file).exists()
    assert f"reset-failed {TICK_SERVICE}" in calls(host)


def test_new_schedule_counts_from_now(host: Host) -> None:
    live(host, "blue", text(more=PERSISTENT))
    stamp = Path(tick(host).stamp)
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    os.utime(stamp, (1, 1))
    live(host, "green", text(schedule="hourly", more=PERSISTENT))
    assert calls(host) == ["daemon-reload", f"restart {TICK}"]
    assert stamp.stat().st_mtime > 1


def test_what_a_killed_run_has_written_is_read(host: Host) -> None:
    live(host, "blue", text())
    host.states[TICK] |= {"NeedDaemonReload": "yes"}
    assert live(host, "blue", text()) is True
    assert calls(host) == ["daemon-reload"]


def test_stopped_timer_is_started_again(host: Host) -> None:
    live(host, "blue", text())
    host.states[TICK] = {"ActiveState": "inactive"}
    assert live(host, "blue", text()) is True
    assert calls(host) == [f"start {TICK}"]


def test_unit_of_somebody_else_is_left_alone(host: Host) -> None:
    path = Path(host.application.path("etc/systemd/system", "shop@timer-own.timer"))
    path.write_text("[Timer]\nOnCalendar=daily\n")
    assert live(host, "blue", "") is False
    assert path.exists()


# Once in a fleet


def test_only_the_host_that_has_it_lets_it_elapse(host: Host) -> None:
    live(host, "blue", text(more=ONCE))
    assert TICK not in host.enabled
    assert TICK not in host.states
    assert singletons.take(host.application, {}) is True
    assert (TICK in host.enabled, host.states[TICK]["ActiveState"]) == (True, "active")
    assert singletons.take(host.application, {}) is False
    assert singletons.leave(host.application, 1) == (True, {})
    assert (TICK in host.enabled, host.states[TICK]["ActiveState"]) == (False, "inactive")
    assert singletons.leave(host.application, 1) == (False, {})


def test_next_host_counts_from_the_last_run_of_the_one_before(host: Host) -> None:
    live(host, "blue", text(more=PERSISTENT + ONCE))
    stamp = Path(tick(host).stamp)
    singletons.take(host.application, {"tick": 1000.5})
    assert stamp.stat().st_mtime == 1000.5
    assert singletons.leave(host.application, 1) == (True, {"tick": 1000.5})
    singletons.take(host.application, {})
    assert stamp.stat().st_mtime > 1000.5, "what this host knows may be of long ago"


def test_host_that_takes_it_again_makes_up_for_what_it_missed(host: Host) -> None:
    """As after the reboot of a fleet of one host."""
    live(host, "blue", text(more=PERSISTENT + ONCE))
    singletons.take(host.application, {"tick": 1000.5})
    singletons.leave(host.application, 1)
    singletons.come_back(host.application)
    singletons.take(host.application)
    assert Path(tick(host).stamp).stat().st_mtime == 1000.5


def test_host_does_not_leave_while_a_run_goes_on(host: Host) -> None:
    live(host, "blue", text(more=ONCE))
    singletons.take(host.application, {})
    host.states[TICK_SERVICE] = {"ActiveState": "activating"}
    with pytest.raises(Refusal) as refusal:
        singletons.leave(host.application, 0.1)
    assert str(refusal.value).startswith(f"{TICK_SERVICE} still runs after 0.1 s; expected its end")
    # It has it, and goes on.
    assert singletons.look(host.application) == {"here": True, "away": False, "planned": True}
    assert (TICK in host.enabled, host.states[TICK]["ActiveState"]) == (True, "active")


def test_host_whose_controller_is_gone_keeps_it(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other host will be told to take it."""
    live(host, "blue", text(more=ONCE))
    singletons.take(host.application, {})
    host.states[TICK_SERVICE] = {"ActiveState": "activating"}

    def gone() -> None:
        raise ControllerGone("the controller is gone")

    monkeypatch.setattr(moving, "require_controller", gone)
    with pytest.raises(ControllerGone):
        singletons.leave(host.application, 10)
    assert singletons.look(host.application) == {"here": True, "away": False, "planned": True}
    assert (TICK in host.enabled, host.states[TICK]["ActiveState"]) == (True, "active")


def test_host_tells_when_each_has_last_elapsed(host: Host) -> None:
    live(host, "blue", text(more=PERSISTENT + ONCE) + text("report", more=ONCE))
    assert moving.last_elapses(host.application) == {}
    singletons.take(host.application, {"tick": 1000.5})
    assert moving.last_elapses(host.application) == {"tick": 1000.5}


def test_what_runs_once_stays_over_a_release(host: Host) -> None:
    live(host, "blue", text(more=ONCE))
    singletons.take(host.application, {})
    assert live(host, "green", text(release="1.1", more=ONCE)) is True
    assert calls(host) == ["daemon-reload"]


# What a run holds


def test_release_of_a_running_job_is_kept(host: Host) -> None:
    source = make_release(host.application, "0.9") / "src"
    source.mkdir()
    assert removable(host.application, keep=0) == ["0.9"]
    with subprocess.Popen(
        ["flock", "--shared", "--no-fork", ".", "sleep", "60"], cwd=source
    ) as run:
        try:
            wait_until_held(source)
            assert removable(host.application, keep=0) == []
        finally:
            run.kill()
    assert removable(host.application, keep=0) == ["0.9"]


def wait_until_held(folder: Path) -> None:
    for _try in range(1000):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)
    raise AssertionError(folder)


# What systemd is asked before


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="without systemd")
@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("02:30 Mars/Olympus", "which the systemd of this host does not understand ("),
        ("2020-01-01", "which never elapses on this host; expected one that will"),
    ],
)
def test_schedule_is_judged_by_the_host(host: Host, schedule: str, told: str) -> None:
    with pytest.raises(Refusal) as refusal:
        following.check(host.application, text(schedule=schedule))
    assert str(refusal.value).startswith(f"app_timers[tick].schedule is {schedule}, {told}")


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="without systemd")
def test_date_that_has_passed_since_its_release_stops_no_rollback(host: Host) -> None:
    past = text(schedule="2020-01-01")
    live(host, "blue", past)
    following.check(host.application, past, host.application.slot("blue"))
    with pytest.raises(Refusal, match="which never elapses on this host"):
        following.check(
            host.application, text(schedule="2020-01-02"), host.application.slot("blue")
        )


def test_file_of_a_slot_has_its_units(host: Host) -> None:
    found = parse(host.application, text(more=PERSISTENT) + text("report", more=ONCE))
    assert [(t.name, t.is_persistent, t.is_once, t.schedule) for t in found] == [
        ("tick", True, False, "*:*:*"),
        ("report", False, True, "*:*:*"),
    ]
    assert parse(host.application, "") == []
