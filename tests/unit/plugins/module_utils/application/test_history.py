"""What happened to an application on a host, and what follows from it for the next run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import history
from ansible_collections.asgi.fleet.plugins.module_utils.application.history import (
    Activation,
    RolloutNote,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import HookRun

from tests.unit.plugins.module_utils.slot_host import Host


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def hook_ran(shop: Application, release_id: str, phase: str = "before_rollout") -> None:
    history.note(shop, "hook", release_id, phase=phase)


def hooks(*release_ids: str) -> list[HookRun]:
    return [{"phase": "before_rollout", "release": release_id} for release_id in release_ids]


# Activations


def test_activations_are_read_as_they_were_recorded(shop: Application) -> None:
    assert history.activations(shop) == []
    Path(shop.activations).parent.mkdir(parents=True)
    began = int(time.time())
    history.record(shop, "activating", "green", "/opt/shop/releases/1.1", previous="blue")
    history.record(shop, "live", "green", "1.1", seconds=1.5, moment=began - 0.25)
    first, second = history.activations(shop)
    moment = first.moment
    assert first == Activation("activating", "1.1", "green", first.at, "blue", moment=moment)
    assert second == Activation("live", "1.1", "green", second.at, None, 1.5, began - 0.25)
    assert began <= first.at <= second.at <= time.time()
    assert moment is not None
    assert began <= moment <= time.time()


def write_activations(shop: Application, *lines: dict[str, object]) -> None:
    path = Path(shop.activations)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"slot": "blue", "at": 1} | line) + "\n" for line in lines))


OLD = {"event": "live", "release": "1.0", "at": 90}
GO = {"event": "activating", "release": "1.1", "moment": 110.0}
LIVE = {"event": "live", "release": "1.1", "moment": 110.25}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([], [], id="nothing was ever live"),
        pytest.param([OLD], [(90.0, "1.0")], id="as an older version wrote it"),
        pytest.param([OLD, GO, LIVE], [(90.0, "1.0"), (110.25, "1.1")], id="released"),
        pytest.param([OLD, GO], [(90.0, "1.0"), (110.0, "1.1")], id="killed after the rename"),
        pytest.param(
            [OLD, GO, {"event": "refused", "release": "1.1", "moment": 112.0}],
            [(90.0, "1.0"), (110.0, "1.1"), (112.0, "1.0")],
            id="refused after the rename",
        ),
        pytest.param(
            [OLD, {"event": "refused", "release": "1.1", "moment": 112.0}],
            [(90.0, "1.0")],
            id="refused before the rename",
        ),
        pytest.param(
            [
                *(OLD, GO, LIVE),
                {"event": "reverted", "release": "1.1", "moment": 120.1},
                {"event": "live", "release": "1.0", "moment": 120.0},
            ],
            [(90.0, "1.0"), (110.25, "1.1"), (120.0, "1.0")],
            id="reverted",
        ),
        pytest.param(
            [GO, LIVE, {"event": "reverted", "release": "1.1", "moment": 120.0}],
            [(110.25, "1.1"), (120.0, "")],
            id="reverted to nothing",
        ),
        pytest.param(
            [{**OLD, "at": 50, "release": "0.9"}, OLD, GO, LIVE],
            [(90.0, "1.0"), (110.25, "1.1")],
            id="what was live long before does not count",
        ),
        pytest.param(
            [OLD, {**GO, "release": "1.0"}, {**LIVE, "release": "1.0"}],
            [(90.0, "1.0"), (110.25, "1.0")],
            id="restarted",
        ),
    ],
)
def test_cuts_say_which_release_was_live_from_when_on(
    shop: Application, lines: list[dict[str, object]], expected: list[tuple[float, str]]
) -> None:
    write_activations(shop, *lines)
    assert history.cuts(shop, 100.0) == expected


def test_activations_leave_out_a_torn_line(shop: Application) -> None:
    path = Path(shop.activations)
    path.parent.mkdir(parents=True)
    for name in ("1", "2"):
        history.record(shop, "live", "blue", name)
    path.write_text(path.read_text() + '{"event": "li')
    assert [done.release for done in history.activations(shop)] == ["1", "2"]


# Hooks


def test_hooks_done_are_those_of_every_resumption(shop: Application) -> None:
    assert history.hooks_done(shop) == []
    hook_ran(shop, "1.0")
    hook_ran(shop, "1.0", "after_rollout")
    assert history.hooks_done(shop) == [
        {"phase": "before_rollout", "release": "1.0"},
        {"phase": "after_rollout", "release": "1.0"},
    ]


def test_hooks_done_outlive_the_end_of_their_own_rollout(shop: Application) -> None:
    hook_ran(shop, "1.0")
    history.note(shop, "finished", "1.0")
    assert history.hooks_done(shop) == hooks("1.0")


def test_hooks_are_due_again_once_another_release_has_ended_well(shop: Application) -> None:
    for release_id in ("1.0", "1.1"):
        hook_ran(shop, release_id)
        history.note(shop, "finished", release_id)
    assert history.hooks_done(shop) == hooks("1.1")
    hook_ran(shop, "1.0")
    assert history.hooks_done(shop) == hooks("1.1", "1.0")


def test_hooks_of_a_release_that_is_live_again_are_done(shop: Application) -> None:
    for release_id in ("1.0", "1.1"):
        hook_ran(shop, release_id)
        history.note(shop, "finished", release_id)
    history.note(shop, "finished", "1.0")
    assert history.hooks_done(shop) == hooks("1.0")


def test_hooks_done_are_not_forgotten_for_another_rollout_that_failed(shop: Application) -> None:
    hook_ran(shop, "1.0")
    history.note(shop, "finished", "1.0")
    hook_ran(shop, "1.1")
    assert history.hooks_done(shop) == hooks("1.0", "1.1")


def test_torn_line_costs_no_other_line(shop: Application) -> None:
    hook_ran(shop, "1.0")
    path = Path(shop.rollouts)
    path.write_text(path.read_text() + '{"event": "fini')
    assert history.hooks_done(shop) == hooks("1.0")
    # What comes after must not end up in the torn line: a migration would run twice.
    hook_ran(shop, "1.1")
    assert history.hooks_done(shop) == hooks("1.0", "1.1")
    assert history.finished(shop) is None


# Ends


def test_rollouts_are_read_as_they_were_noted(shop: Application) -> None:
    assert history.rollouts(shop) == []
    hook_ran(shop, "1.0")
    history.note(shop, "ended", "1.0", rollout="run-1")
    hook, end = history.rollouts(shop)
    assert hook == RolloutNote("hook", "1.0", hook.at, phase="before_rollout")
    assert end == RolloutNote("ended", "1.0", end.at, rollout="run-1")


def test_finished_is_the_last_that_ended_well(shop: Application) -> None:
    assert history.finished(shop) is None
    began = int(time.time())
    for release_id in ("1.0", "1.1"):
        history.note(shop, "finished", release_id)
    hook_ran(shop, "1.2")
    ended = history.finished(shop)
    assert ended is not None
    assert ended["release"] == "1.1"
    assert began <= ended["at"] <= time.time()


def test_last_ended_rollouts_are_remembered(shop: Application) -> None:
    assert history.ended(shop) == []
    for number in range(30):
        history.note(shop, "ended", "1.0", rollout=f"run-{number}")
        history.note(shop, "finished", "1.0")
    assert history.ended(shop) == [f"run-{number}" for number in range(10, 30)]


def finished_releases(host: Host) -> list[str]:
    done = history.rollouts(host.application)
    assert {line.event for line in done} == {"finished"}
    return [line.release for line in done]


def test_finish_is_not_noted_again_for_a_run_without_changes(live: Host) -> None:
    history.finish(live.application, "1.0")
    live.age(60)
    live.activate(live.desired())
    history.finish(live.application, "1.0")
    assert finished_releases(live) == ["1.0"]


def test_finish_is_noted_after_a_restart_of_the_same_release(live: Host) -> None:
    history.finish(live.application, "1.0")
    live.age(60)
    live.activate(live.desired(settings="workers = 3\n"))
    history.finish(live.application, "1.0")
    assert finished_releases(live) == ["1.0", "1.0"]


def test_finish_is_noted_for_another_release(live: Host) -> None:
    for release in ("1.0", "1.1", "1.0"):
        history.finish(live.application, release)
    assert finished_releases(live) == ["1.0", "1.1", "1.0"]
