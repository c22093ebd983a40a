"""Recycling without the controller: when it is due, whose turn it is, and what goes before it.

The host is one of `slot_host.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import history, lock
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import Process
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import previous_release
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    cut_over,
    process_start,
    recycling,
    recycling_files,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.slots.recycling import (
    MIB,
    Recycler,
    Settings,
    Standing,
    Told,
    due,
    is_turn,
    read_told,
)

from tests.unit.plugins.module_utils.slot_host import ENVIRONMENT, Host, with_processes

HEALTH = {
    "path": "/healthz",
    "host": "shop.example.com",
    "timeout": 0.3,
    "body": "",
    "prefix": "app_",
}
HEALTH_OF_60: dict[str, Any] = {**HEALTH, "timeout": 60.0}
SETTINGS = Settings("shop", 3600, 80, 0, 1, 180, 60.0, HEALTH, ("TOKEN",))
OLD = Standing(age=4000, held=10 * MIB, limit=100 * MIB)
YOUNG = replace(OLD, age=100)
UNITS = {"service": "# shop: Written by asgi.fleet\n", "timer": "# shop: Written by asgi.fleet\n"}
WANTED = {"after_seconds": 3600, "memory_percent": 80, "place": 0, "hosts": 1, **UNITS}
HOLDER: Holder = {"rollout": "20261128T120000-abcd", "who": "ada@laptop", "since": 1}


@pytest.fixture
def recycled(live: Host) -> Host:
    """A host with a live release in blue, which recycles."""
    Path(live.application.recycling["program"]).parent.mkdir(parents=True, exist_ok=True)
    assert recycling_files.install(live.application, live.desired(), WANTED)
    live.calls.clear()
    live.age(10)
    return live


def recycler(host: Host, found: Standing = OLD, now: float = 2_000_000_000) -> Recycler:
    return Recycler(host.application, SETTINGS, lambda: now, lambda _slot: found)


# When, and whose turn


@pytest.mark.parametrize(
    ("after", "percent", "found", "told"),
    [
        (3600, 0, OLD, "its master is 67 min old; due after 60 min"),
        (3600, 0, YOUNG, ""),
        (0, 0, OLD, ""),
        (
            0,
            80,
            Standing(5, 80 * MIB, 100 * MIB),
            "it holds 80 MB, 80 % of its 100 MB; due at 80 %",
        ),
        (0, 80, Standing(5, 79 * MIB, 100 * MIB), ""),
        # MemoryMax=infinity.
        (0, 80, Standing(5, 79 * MIB, 0), ""),
        (43200, 80, Standing(50000, 1, 2), "its master is 13.9 h old; due after 12.0 h"),
    ],
)
def test_slot_is_due_by_its_age_or_its_memory(
    after: int, percent: int, found: Standing, told: str
) -> None:
    settings = replace(SETTINGS, after_seconds=after, memory_percent=percent)
    assert due(settings, found) == told


@pytest.mark.parametrize("hosts", [2, 3, 7, 20])
def test_hosts_never_begin_within_one_turn(hosts: int) -> None:
    all_settings = [replace(SETTINGS, place=place, hosts=hosts) for place in range(hosts)]
    begun: dict[int, set[int]] = {}
    for now in range(2_000_000_000, 2_000_000_000 + 2 * hosts * 180, 5):
        for settings in all_settings:
            if is_turn(settings, now):
                begun.setdefault(now // 180, set()).add(settings.place)
                # It is live before its turn ends.
                assert (now + 60) // 180 == now // 180
    assert all(len(places) == 1 for places in begun.values())
    assert set().union(*begun.values()) == set(range(hosts))


def test_many_hosts_share_turns_so_that_each_has_one_in_an_hour() -> None:
    settings = [replace(SETTINGS, place=place, hosts=100) for place in range(100)]
    moments = range(2_000_000_000, 2_000_000_000 + 3600, 30)
    at_once = [sum(is_turn(one, now) for one in settings) for now in moments]
    assert max(at_once) == 5
    assert all(any(is_turn(one, now) for now in moments) for one in settings)


def test_one_host_has_its_turn_at_any_time() -> None:
    assert all(is_turn(SETTINGS, now) for now in range(0, 400, 7))


@pytest.mark.parametrize(
    ("processes", "seconds"),
    [
        ([], 60),
        ([Process("worker", stop_timeout=600)], 120),
        ([Process("bot", overlap=False, stop_timeout=45)], 165),
        ([Process("worker"), Process("bot", overlap=False), Process("mails")], 210),
    ],
)
def test_turn_is_longer_than_processes_take_to_start(
    live: Host, processes: list[Process], seconds: int
) -> None:
    desired = replace(with_processes(live.desired(), *processes), health=Health(**HEALTH_OF_60))
    installed = recycling_files.files(live.application, desired, WANTED)
    settings = json.loads(installed[live.application.recycling["settings"]])
    assert (settings["start_seconds"], settings["turn_seconds"]) == (seconds, seconds + 120)


def test_turn_is_as_long_as_that_of_the_slowest_host(live: Host) -> None:
    """Turns of different lengths ran into each other: two hosts could recycle at once."""
    desired = replace(live.desired(), health=Health(**HEALTH_OF_60))
    installed = recycling_files.files(live.application, desired, WANTED | {"start_seconds": 300.0})
    settings = json.loads(installed[live.application.recycling["settings"]])
    assert (settings["start_seconds"], settings["turn_seconds"]) == (60, 420)


# What is done


def test_recycle_makes_the_same_release_live_in_the_other_slot(recycled: Host) -> None:
    application = recycled.application
    before = application.slot("blue").contents()
    told = recycler(recycled).run()

    assert told == "shop@green is live: its master is 67 min old; due after 60 min"
    assert application.live_slot() == "green"
    green = application.slot("green")
    assert (green.release(), green.planned_workers()) == (f"{application.releases}/1.0", 2)
    assert green.contents() == recycled.desired().files["green"]
    assert recycled.states["shop@blue.service"]["ActiveState"] == "inactive"
    assert recycled.enabled >= set(green.units)
    assert not recycled.enabled & set(application.slot("blue").units)
    assert recycled.history()[-1] == ("recycled", "1.0", "green")
    assert not recycled.changed_on_disk()

    # And back, to the same files as before.
    recycler(recycled).run()
    assert (application.live_slot(), application.slot("blue").contents()) == ("blue", before)


@pytest.fixture
def with_workers(live: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host that recycles, with processes of both kinds."""
    for limit in ("SETTLE_SECONDS", "MOST_SETTLE_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(process_start, limit, 0.0)
    live.activate(of_workers(live))
    Path(live.application.recycling["program"]).parent.mkdir(parents=True, exist_ok=True)
    recycling_files.install(live.application, of_workers(live), WANTED)
    live.calls.clear()
    live.age(10)
    return live


def of_workers(host: Host) -> Desired:
    return with_processes(host.desired(), Process("worker", 2), Process("bot", overlap=False))


def running(host: Host) -> set[str]:
    """Return the units of processes that run."""
    up = {unit for unit, state in host.states.items() if state["ActiveState"] == "active"}
    return {unit for unit in up if "-" in unit}


def workers_in(slot: str | None) -> set[str]:
    return {f"shop@{slot}-{name}.service" for name in ("worker-1", "worker-2", "bot-1")}


def test_processes_move_with_the_slot_that_recycles(with_workers: Host) -> None:
    before = with_workers.application.live_slot()
    assert "is live" in recycler(with_workers).run()
    now = with_workers.application.live_slot()
    assert now not in (None, before)
    enabled = {unit for unit in with_workers.enabled if "-" in unit}
    assert running(with_workers) == enabled == workers_in(now)
    # What Ansible has sent for that slot, and no reason for another cut-over.
    assert not with_workers.activate(of_workers(with_workers)).changed


def test_processes_of_a_recycle_start_before_visitors_come_and_end_after(
    with_workers: Host,
) -> None:
    before = with_workers.application.live_slot()
    recycler(with_workers).run()
    now = with_workers.application.live_slot()
    calls = [
        (call.split()[0], at, {unit for unit in call.split() if "-" in unit and "@" in unit})
        for call, at in with_workers.calls
    ]
    moved = [(verb, at, units) for verb, at, units in calls if verb in ("start", "stop") and units]
    old, new = (
        {kind: {unit for unit in workers_in(slot) if kind in unit} for kind in ("worker", "bot")}
        for slot in (before, now)
    )
    assert moved == [
        ("start", before, new["worker"]),
        ("stop", before, old["bot"]),
        ("start", before, new["bot"]),
        ("stop", now, old["worker"]),
    ]


@pytest.mark.parametrize("name", ["worker-2", "bot-1"])
def test_recycle_whose_process_does_not_stay_up_leaves_those_that_run(
    with_workers: Host, name: str
) -> None:
    before = with_workers.application.live_slot()
    idle = "green" if before == "blue" else "blue"
    ended = {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"}
    with_workers.process_states[f"shop@{idle}-{name}.service"] = ended
    with pytest.raises(Refusal, match=rf"shop@{idle}-{name}.service did not stay up"):
        recycler(with_workers).run()
    assert with_workers.application.live_slot() == before
    assert running(with_workers) == workers_in(before)
    assert read_told(with_workers.application).failures == 1


def test_young_slot_and_one_that_does_not_run_are_left(recycled: Host) -> None:
    assert recycler(recycled, YOUNG).run() == ""
    silent = Recycler(recycled.application, SETTINGS, lambda: 2e9, lambda _slot: None)
    assert silent.run() == ""
    assert recycled.calls == []


def test_recycle_is_no_release(recycled: Host) -> None:
    recycled.activate(recycled.desired("1.1"))
    recycling_files.install(recycled.application, recycled.desired("1.1"), WANTED)
    history.finish(recycled.application, "1.1")
    recycled.age(10)
    before = history.cuts(recycled.application, 0)
    assert recycler(recycled).run()
    done = history.activations(recycled.application)
    assert previous_release(done, "1.1", {"1.0", "1.1"}) == "1.0"
    assert history.cuts(recycled.application, 0) == before
    # Nor can it be reverted by a rollout of the same release.
    assert recycled.revert("1.1").changed is False


def test_release_after_a_recycle_takes_the_other_slot(recycled: Host) -> None:
    assert recycler(recycled).run()
    outcome = recycled.activate(recycled.desired("1.1"))
    assert (outcome.slot, recycled.application.live_slot()) == ("blue", "blue")
    # What blue kept of its own time is gone: it would bring the old release back.
    assert not Path(recycled.application.slot("blue").counterpart).exists()


# What goes before it


def test_recycle_yields_to_a_rollout_and_says_so_once(recycled: Host) -> None:
    lock.acquire(recycled.application, HOLDER, take_over=False)
    assert recycler(recycled).run() == ""
    told = "a rollout is under way, by ada@laptop (rollout 20261128T120000-abcd)"
    # Also before the first recycle of a release, for `status` and `verify`.
    assert recycling.current(recycled.application).waiting == told
    written = Path(recycled.application.recycled).stat().st_mtime_ns
    recycler(recycled).run()
    assert Path(recycled.application.recycled).stat().st_mtime_ns == written
    assert (recycled.application.live_slot(), recycled.calls) == ("blue", [])

    lock.release(recycled.application, HOLDER["rollout"])
    assert recycler(recycled).run()
    assert read_told(recycled.application).waiting == ""


def test_rollout_that_comes_while_the_slot_starts_goes_first(
    recycled: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = cut_over.start

    def start_and_meet(*arguments: object) -> None:
        start(*arguments)  # type: ignore[arg-type]
        lock.acquire(recycled.application, HOLDER, take_over=False)

    monkeypatch.setattr(recycling, "start", start_and_meet)
    assert recycler(recycled).run() == ""
    assert recycled.application.live_slot() == "blue"
    assert recycled.states["shop@green.service"]["ActiveState"] == "inactive"
    assert not recycled.enabled & set(recycled.application.slot("green").units)


def test_recycle_waits_for_no_activation(recycled: Host) -> None:
    with locked("shop.activation", 0, root=recycled.application.root):
        assert recycler(recycled).run() == ""
    assert read_told(recycled.application).waiting == "an activation or a revert is under way"


def test_slot_that_can_still_be_reverted_to_is_left(recycled: Host) -> None:
    history.note(recycled.application, "hook", "1.1", phase="before_rollout")
    recycled.activate(recycled.desired("1.1"), keep_previous=True)
    recycling_files.install(recycled.application, recycled.desired("1.1"), WANTED)
    assert recycler(recycled).run() == ""
    told = "the rollout of 1.1 has not succeeded on all hosts yet"
    assert read_told(recycled.application).waiting == told
    assert recycled.revert("1.1").slot == "blue"


# A failure


def test_failed_recycle_leaves_what_is_live_and_comes_back_later(recycled: Host) -> None:
    recycled.worker_answers = [(200, "ok"), (503, "no database, TOKEN is s3cret-value")]
    now = 2_000_000_000
    with pytest.raises(Refusal, match="1 of 2 workers answered"):
        recycler(recycled, now=now).run()
    told = read_told(recycled.application)
    assert (told.failures, told.next, told.slot) == (1, now + 900, "")
    assert "1 of 2 workers answered /healthz with 200" in told.reason
    assert "s3cret-value" not in told.reason
    assert recycled.application.live_slot() == "blue"
    assert recycled.states["shop@green.service"]["ActiveState"] == "inactive"
    assert recycled.history()[-1][0] == "live"

    recycled.calls.clear()
    assert recycler(recycled, now=now + 899).run() == ""
    assert recycled.calls == []
    with pytest.raises(Refusal):
        recycler(recycled, now=now + 900).run()
    assert read_told(recycled.application).next == now + 900 + 1800

    recycled.worker_answers = [(200, "ok"), (200, "ok")]
    assert recycler(recycled, now=now + 10_000).run()
    assert read_told(recycled.application).failures == 0


def test_failure_of_a_clock_that_was_ahead_is_tried_again(recycled: Host) -> None:
    """It would have been tried again when the clock came there."""
    now = 2_000_000_000
    recycling.write_told(recycled.application, Told(now + 10**8, "old", "", 1, "x", now + 10**8))
    assert recycler(recycled, now=now).run()


def test_what_is_due_no_more_does_not_wait(recycled: Host) -> None:
    """`verify` named a rollout of long ago."""
    told = Told(waiting="a rollout is under way, by ada", waiting_since=2_000_000_000)
    recycling.write_told(recycled.application, told)
    recycled.calls.clear()
    assert recycler(recycled, YOUNG).run() == ""
    assert (read_told(recycled.application), recycled.calls) == (Told(), [])


@pytest.mark.parametrize(
    ("found", "percent", "lacking"),
    [
        (OLD, 80, ""),
        (None, 80, ""),
        (replace(OLD, held=0), 0, ""),
        (replace(OLD, held=0), 80, "has no memory that"),
        (replace(OLD, limit=0), 80, "has no limit (MemoryMax=) that"),
    ],
)
def test_memory_that_the_host_does_not_count_is_told(
    recycled: Host,
    monkeypatch: pytest.MonkeyPatch,
    found: Standing | None,
    percent: int,
    lacking: str,
) -> None:
    """As on a Raspberry Pi, whose firmware switches that off: it would never be due."""
    monkeypatch.setattr(recycling, "standing", lambda _slot: found)
    told = recycling.unseen(recycled.application, percent, "app_")
    assert bool(told) == bool(lacking)
    if told:
        assert lacking in told[0]


def test_long_reason_keeps_its_first_line_and_its_end(
    recycled: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Refusal(f"it crashed\n{'x' * 5000}\nRuntimeError: no connection")

    monkeypatch.setattr(recycling, "start", fail)
    with pytest.raises(Refusal):
        recycler(recycled).run()
    reason = read_told(recycled.application).reason
    assert reason.startswith("it crashed\nxxx")
    assert reason.endswith("\nRuntimeError: no connection")
    assert len(reason) <= len("it crashed\n") + recycling.LONGEST_REASON


def test_slot_without_the_files_of_the_other_says_what_to_do(recycled: Host) -> None:
    recycled.activate(recycled.desired("1.1"))
    with pytest.raises(Refusal, match=r"not on this host; run ansible-playbook deploy\.yml$"):
        recycler(recycled).run()
    assert recycled.application.live_slot() == "green"


def test_release_forgets_the_failures_of_the_one_before(recycled: Host) -> None:
    recycling.write_told(recycled.application, Told(5, "old", "", 3, "broken", 4_000_000_000))
    assert recycling.current(recycled.application) == Told()
    told = Told(5, waiting="a rollout is under way, by ada", waiting_since=6)
    recycling.write_told(recycled.application, told)
    assert recycling.current(recycled.application) == Told()


# What is installed


def test_what_recycles_is_installed_once_and_removed(live: Host) -> None:
    application = live.application
    Path(application.recycling["program"]).parent.mkdir(parents=True, exist_ok=True)
    assert recycling_files.is_installed(application, live.desired(), {})
    assert not recycling_files.is_installed(application, live.desired(), WANTED)
    live.calls.clear()
    assert recycling_files.install(application, live.desired(), WANTED)
    # Reloaded last: what is enabled after that has systemd report each unit of the host as stale.
    assert [call for call, _live in live.calls] == [
        "enable shop-recycle.timer",
        "daemon-reload",
        "restart shop-recycle.timer",
    ]
    timer = Path(application.recycling["timer"])
    link = timer.parent / "timers.target.wants" / timer.name
    link.parent.mkdir()
    link.symlink_to(timer)
    live.calls.clear()
    assert recycling_files.install(application, live.desired(), WANTED) is False
    assert live.calls == []
    kept = Path(application.slot("blue").counterpart, "environment")
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == (ENVIRONMENT, 0o600)
    settings = json.loads(Path(application.recycling["settings"]).read_text())
    assert (settings["after_seconds"], settings["turn_seconds"]) == (3600, 121)

    link.unlink()
    former = Path(application.slot("green").counterpart)
    former.mkdir(parents=True)
    assert recycling_files.install(application, live.desired(), {})
    assert "disable --now shop-recycle.timer" in [call for call, _live in live.calls]
    assert not any(Path(path).exists() for path in application.recycling.values())
    assert not Path(application.slot("blue").counterpart).exists()
    assert not former.exists()
    assert recycling_files.install(application, live.desired(), {}) is False


def test_program_runs_without_the_collection(recycled: Host, tmp_path: Path) -> None:
    program = recycled.application.recycling["program"]
    command = [sys.executable, "-s", "-E", "-B", program, str(tmp_path / "absent.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
