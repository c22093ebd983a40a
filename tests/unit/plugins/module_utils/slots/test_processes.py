"""Processes beside the web workers: when they start and stop, and what is left of a bad release."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import processes
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import Process
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import activation, process_start
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired

from tests.unit.plugins.module_utils.slot_host import Host, with_processes

WORKER = Process("worker", 2)
BOT = Process("bot", overlap=False)
ONCE = Process("clock", once_per_fleet=True)
RUNS = {"ActiveState": "active"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must stay up for two seconds need not here."""
    monkeypatch.setattr(process_start, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(process_start, "MOST_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(process_start, "POLL_SECONDS", 0.0)


def units(slot: str, *names: str) -> set[str]:
    return {f"shop@{slot}-{name}.service" for name in names}


def running(host: Host) -> set[str]:
    return {
        unit
        for unit, state in host.states.items()
        if state["ActiveState"] == "active" and unit.count("-")
    }


def enabled(host: Host) -> set[str]:
    return {unit for unit in host.enabled if unit.count("-")}


def files(host: Host, slot: str) -> set[str]:
    return set(processes.existing(host.application.slot(slot)))


def changing(host: Host, word: str) -> list[tuple[str, str | None]]:
    """The calls that change units of processes, each with the slot that was live then."""
    return [call for call in host.calls if word in call[0] and "reset-failed" not in call[0]]


def test_processes_run_before_their_slot_is_live_and_start_at_boot(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER))
    both = "shop@blue-worker-1.service shop@blue-worker-2.service"
    assert changing(host, "worker") == [
        (f"start --no-block {both}", None),
        (f"enable {both}", None),
    ]
    assert running(host) == enabled(host) == units("blue", "worker-1", "worker-2")
    assert not host.changed_on_disk()


def test_the_old_ones_end_after_the_cut_over_while_the_old_web_workers_stay(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER))
    host.calls.clear()
    host.activate(with_processes(host.desired("1.1"), WORKER), keep_previous=True)
    assert changing(host, "blue-worker")[-1] == (
        "stop --no-block shop@blue-worker-1.service shop@blue-worker-2.service",
        "green",
    )
    assert running(host) == enabled(host) == units("green", "worker-1", "worker-2")
    assert host.states["shop@blue.service"]["ActiveState"] == "active"
    assert not host.changed_on_disk()


def test_unit_that_is_no_more_does_not_stay_failed(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER))
    fewer = replace(WORKER, count=1)
    host.activate(with_processes(host.desired("1.1"), fewer))
    host.states["shop@blue-worker-2.service"] = {"ActiveState": "failed", "Result": "timeout"}
    host.calls.clear()
    host.activate(with_processes(host.desired("1.2"), fewer))
    assert "reset-failed shop@blue-worker-2.service" in [call for call, _live in host.calls]
    assert files(host, "blue") == units("blue", "worker-1")


def test_one_without_overlap_starts_when_the_old_one_has_ended(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER, BOT))
    host.calls.clear()
    host.activate(with_processes(host.desired("1.1"), WORKER, BOT))
    assert [call for call, _ in changing(host, "bot") if "able " not in call] == [
        "stop shop@blue-bot-1.service",
        "start --no-block shop@green-bot-1.service",
    ]
    assert running(host) == units("green", "worker-1", "worker-2", "bot-1")


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"},
            "shop@green-worker-2.service did not stay up: it crashed at start (exit status 1)",
        ),
        # systemd 254 and later.
        (
            {"ActiveState": "activating", "SubState": "auto-restart-queued", "ExecMainStatus": "1"},
            "shop@green-worker-2.service did not stay up: it crashed at start (exit status 1)",
        ),
        (
            {"ActiveState": "failed", "Result": "oom-kill", "ExecMainStatus": "9"},
            "shop@green-worker-2.service did not stay up: it failed at start (oom-kill, exit "
            "status 9)",
        ),
        ({"ActiveState": "activating"}, "shop@green-worker-2.service was not ready within 0.3 s"),
    ],
)
def test_one_that_does_not_stay_up_refuses_the_release(
    host: Host, state: dict[str, str], why: str
) -> None:
    host.activate(with_processes(host.desired(), WORKER))
    before, host.calls = (running(host), enabled(host)), []
    host.process_states["shop@green-worker-2.service"] = state
    with pytest.raises(Refusal) as refusal:
        host.activate(with_processes(host.desired("1.1"), WORKER))
    assert str(refusal.value).startswith(why)
    assert "Release 1.1 was stopped and takes no traffic." in str(refusal.value)
    assert (running(host), enabled(host)) == before
    assert host.application.live_slot() == "blue"
    assert changing(host, "shop@blue") == []


def test_a_refusal_starts_again_what_had_to_end_before(host: Host) -> None:
    host.activate(with_processes(host.desired(), BOT))
    host.process_states["shop@green-bot-1.service"] = {"ActiveState": "failed", "Result": "x"}
    with pytest.raises(Refusal):
        host.activate(with_processes(host.desired("1.1"), BOT))
    assert running(host) == enabled(host) == units("blue", "bot-1")


def test_a_revert_brings_the_old_ones_back(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER, BOT))
    blue, host.workers = host.workers, []
    host.activate(with_processes(host.desired("1.1"), WORKER), keep_previous=True)
    host.workers += blue
    host.calls.clear()
    assert host.revert("1.1").slot == "blue"
    assert running(host) == enabled(host) == units("blue", "worker-1", "worker-2", "bot-1")
    assert not host.changed_on_disk()


def test_a_revert_waits_for_the_end_of_one_without_overlap(host: Host) -> None:
    host.activate(with_processes(host.desired(), BOT))
    blue, host.workers = host.workers, []
    host.activate(with_processes(host.desired("1.1"), BOT), keep_previous=True)
    host.workers += blue
    host.calls.clear()
    host.revert("1.1")
    assert [call for call, _ in changing(host, "bot") if "able " not in call] == [
        "stop shop@green-bot-1.service",
        "start --no-block shop@blue-bot-1.service",
    ]


def test_what_a_killed_run_has_left_is_put_right_by_the_next(host: Host) -> None:
    desired = with_processes(host.desired(), WORKER, BOT)
    host.activate(desired)
    # It had stopped the old bot and started a new worker.
    host.states["shop@blue-bot-1.service"] = {"ActiveState": "inactive"}
    host.application.slot("green")
    path = processes.unit_path(host.application.slot("green"), "shop@green-worker-1.service")
    Path(path).write_text("# shop")
    host.states["shop@green-worker-1.service"] = dict(RUNS)
    outcome = host.activate(desired)
    assert outcome.changed
    assert running(host) == units("blue", "worker-1", "worker-2", "bot-1")
    host.calls.clear()
    assert not host.activate(desired).changed
    assert host.calls == []


@pytest.mark.parametrize(
    ("wanted", "text", "reason"),
    [
        ([WORKER], "", None),
        ([replace(WORKER, count=4)], "", "processes: worker 2 -> 4"),
        ([WORKER, BOT], "", "processes: bot added"),
        ([], "", "processes: worker removed"),
        ([WORKER], "other command", "processes: worker changed"),
        ([replace(WORKER, overlap=False)], "", "processes: worker changed"),
    ],
)
def test_what_differs_is_a_reason_for_a_cut_over(
    host: Host, wanted: list[Process], text: str, reason: str | None
) -> None:
    host.activate(with_processes(host.desired(), WORKER))
    todo = activation.plan(
        host.application, with_processes(host.desired(), *wanted, text=text), True
    )
    expected = [] if reason is None else [{"kind": "processes", "text": reason}]
    assert list(todo.reasons) == expected
    assert todo.cut_over == bool(reason)


def test_another_release_alone_is_no_other_process(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER))
    todo = activation.plan(host.application, with_processes(host.desired("1.1"), WORKER), True)
    assert [reason["kind"] for reason in todo.reasons] == ["release"]


def test_units_that_are_no_longer_needed_go_with_the_slot(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER, BOT))
    for release in ("1.1", "1.2"):
        host.activate(with_processes(host.desired(release), replace(WORKER, count=1)))
    assert files(host, "blue") == units("blue", "worker-1")
    assert running(host) == enabled(host) == units("blue", "worker-1")


def test_diff_shows_each_process_once(host: Host) -> None:
    host.activate(with_processes(host.desired(), WORKER))
    changed = with_processes(host.desired(), WORKER, text="other command")
    shown = activation.diff(host.application, changed, "green")
    assert [Path(one["before_header"]).name for one in shown] == ["shop@blue-worker-1.service"]


@pytest.mark.parametrize(
    ("here", "expected"),
    [(True, units("blue", "clock-1")), (False, set()), (None, set())],
)
def test_what_runs_once_in_a_fleet_runs_where_it_is_told_to(
    host: Host, here: bool | None, expected: set[str]
) -> None:
    host.activate(replace(with_processes(host.desired(), ONCE), singletons=here))
    assert running(host) == enabled(host) == expected
    assert files(host, "blue") == units("blue", "clock-1")


def test_what_runs_once_in_a_fleet_moves_without_a_cut_over(host: Host) -> None:
    desired = with_processes(host.desired(), ONCE)
    host.activate(replace(desired, singletons=False))
    for here, expected in ((True, units("blue", "clock-1")), (False, set())):
        outcome = host.activate(replace(desired, singletons=here))
        assert outcome.changed
        assert outcome.slot == "blue"
        assert running(host) == enabled(host) == expected
        assert not host.activate(replace(desired, singletons=here)).changed


def test_plan_of_a_slot_before_there_were_processes_has_none(host: Host) -> None:
    host.activate(host.desired())
    slot = host.application.slot("blue")
    Path(slot.plan).write_text(json.dumps({"workers": 2}))
    assert processes.planned(slot) == ()
    assert not host.activate(host.desired()).changed


def test_another_run_waits_for_the_longest_process(host: Host) -> None:
    desired: Desired = with_processes(host.desired(), replace(WORKER, stop_timeout=600), BOT)
    host.activate(desired)
    assert processes.longest_stop(host.application) == 600
