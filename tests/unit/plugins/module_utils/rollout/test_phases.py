"""How a rollout begins, is reverted and ends on one host, which is one of `slot_host.py`."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import history, lock
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import LockError
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.releases import exclusive, pruning
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.rollout import phases
from ansible_collections.asgi.fleet.plugins.module_utils.slots import cut_over
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import CutOver
from ansible_collections.asgi.fleet.plugins.module_utils.survey.front import Visit

from tests.unit.plugins.module_utils.slot_host import Host, make_release

MINE: Holder = {"rollout": "mine", "who": "ada@laptop", "since": 1795241400}
#: Nothing is asked of nginx, which these hosts do not have.
UNASKED = Visit("shop.example.com", "/healthz", 0)
OTHER: Holder = {"rollout": "other", "who": "bob@ci", "since": 1795241700}


@pytest.fixture
def switched(live: Host) -> Host:
    """A host where the rollout `mine` has brought 1.1 live in the place of 1.0, and goes on."""
    for built_at, name in enumerate(["0.8", "0.9", "1.0", "1.1"], start=1):
        make_release(live.application, name, built_at=built_at)
    lock.acquire(live.application, MINE, take_over=False)
    # Those of blue live on; a start replaces what stands in the list.
    blue, live.workers = live.workers, []
    live.activate(live.desired("1.1"), keep_previous=True)
    live.workers += blue
    live.calls.clear()
    return live


def begin(host: Host, ended: tuple[str, ...] = (), **how: bool) -> dict[str, Any]:
    given: dict[str, Any] = {
        "user": "",
        "take_over": False,
        "check_mode": False,
        "visit": UNASKED,
    }
    return phases.begin(host.application, MINE, ended=ended, **given | how)


def revert(host: Host, rollout: str = "mine") -> CutOver:
    health = host.desired().health
    return phases.revert(host.application, rollout, "1.1", health, ("TOKEN",))


def end(host: Host, **how: Any) -> dict[str, Any]:  # noqa: ANN401
    how = {"succeeded": True, "keep": None, "health_timeout": 30, "visit": UNASKED} | how
    return phases.end(host.application, "mine", "1.1", **how)


def events(host: Host) -> list[str]:
    return [done.event for done in history.rollouts(host.application)]


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that an activation at work was waited for."""
    seconds: list[float] = []

    @contextmanager
    def exclusive(_: Application, waited: float) -> Iterator[None]:
        seconds.append(waited)
        yield

    monkeypatch.setattr(cut_over, "exclusive", exclusive)
    return seconds


# Begin


def test_begin_takes_the_lock_and_tells_what_is_there(live: Host) -> None:
    make_release(live.application, "1.0", built_at=1)
    begun = begin(live)
    assert (begun["acquired"], begun["changed"], begun["holder"]) == (True, False, MINE)
    assert [(one["id"], one["state"]) for one in begun["releases"]] == [("1.0", "live")]
    assert begun["capacity"]["cores"] >= 1
    assert lock.holder(live.application) == MINE
    # As does the next run of the same rollout.
    assert begin(live) == begun


@pytest.mark.parametrize("check_mode", [False, True])
def test_begin_without_the_lock_tells_who_has_it_and_no_more(host: Host, check_mode: bool) -> None:
    lock.acquire(host.application, OTHER, take_over=False)
    refused = {"acquired": False, "changed": False, "holder": OTHER}
    assert begin(host, check_mode=check_mode) == refused
    assert lock.holder(host.application) == OTHER


def test_begin_takes_the_lock_of_a_rollout_that_has_ended(host: Host) -> None:
    lock.acquire(host.application, OTHER, take_over=False)
    begun = begin(host, ended=("other",))
    assert (begun["acquired"], begun["holder"]) == (True, MINE)
    assert lock.holder(host.application) == MINE


@pytest.mark.parametrize("current", [None, OTHER], ids=["free", "taken over"])
def test_begin_in_check_mode_tells_what_it_would_and_leaves_the_lock(
    host: Host, current: Holder | None
) -> None:
    if current:
        lock.acquire(host.application, current, take_over=False)
    begun = begin(host, take_over=True, check_mode=True)
    assert (begun["acquired"], begun["changed"], begun["releases"]) == (True, False, [])
    # Who really has it, not who would.
    assert begun["holder"] == lock.holder(host.application) == current


# Revert


def test_revert_makes_live_what_was_replaced_and_keeps_the_lock(switched: Host) -> None:
    done = revert(switched)
    assert (done.changed, done.slot, done.previous_slot) == (True, "blue", "green")
    assert switched.application.live_slot() == "blue"
    assert lock.holder(switched.application) == MINE


def test_revert_without_the_lock_is_refused(switched: Host) -> None:
    lock.acquire(switched.application, OTHER, take_over=True)
    with pytest.raises(LockError, match=r"taken from this rollout \(mine\) and is held by bob@ci"):
        revert(switched)
    assert switched.application.live_slot() == "green"
    assert switched.calls == []


def test_revert_waits_for_an_activation_at_work(switched: Host, patience: list[float]) -> None:
    revert(switched)
    assert patience == [switched.desired().health.timeout + phases.ACTIVATION_MARGIN]


# End


def test_end_lets_the_old_slot_go_notes_the_success_and_gives_the_lock_back(switched: Host) -> None:
    assert end(switched) == {
        "changed": True,
        "removed": [],
        "refused": [],
        "front": None,
        "receipt": None,
    }
    assert switched.states["shop@blue.service"]["ActiveState"] == "inactive"
    assert switched.states["shop@green.service"]["ActiveState"] == "active"
    ended = history.finished(switched.application)
    assert ended is not None
    assert ended["release"] == "1.1"
    assert history.ended(switched.application) == ["mine"]
    assert lock.holder(switched.application) is None


def test_end_where_nothing_is_to_be_let_go_changes_nothing(live: Host) -> None:
    lock.acquire(live.application, MINE, take_over=False)
    assert end(live) == {
        "changed": False,
        "removed": [],
        "refused": [],
        "front": None,
        "receipt": None,
    }
    assert live.calls == []
    assert lock.holder(live.application) is None


def test_end_of_a_failed_rollout_is_no_success(switched: Host) -> None:
    assert end(switched, succeeded=False)["changed"] is True
    assert events(switched) == ["ended"]
    assert lock.holder(switched.application) is None


def test_end_removes_old_releases_when_asked(switched: Host) -> None:
    assert end(switched, keep=1) == {
        "changed": True,
        "removed": ["0.8"],
        "refused": [],
        "front": None,
        "receipt": None,
    }
    assert sorted(path.name for path in Path(switched.application.releases).iterdir()) == [
        "0.9",
        "1.0",
        "1.1",
    ]


@pytest.mark.parametrize("current", [OTHER, None], ids=["taken over", "given back"])
def test_end_without_the_lock_does_nothing(switched: Host, current: Holder | None) -> None:
    lock.release(switched.application, "mine")
    if current:
        lock.acquire(switched.application, current, take_over=False)
    assert end(switched, keep=0) == {
        "changed": False,
        "removed": [],
        "refused": [],
        "front": None,
        "receipt": None,
    }
    assert switched.calls == []
    assert events(switched) == []
    assert len(list(Path(switched.application.releases).iterdir())) == 4
    assert lock.holder(switched.application) == current


def test_end_waits_as_long_as_the_deployment_lets_an_activation_take(
    switched: Host, patience: list[float]
) -> None:
    end(switched, health_timeout=400)
    assert patience == [400 + phases.ACTIVATION_MARGIN]


def test_end_stops_no_slot_that_became_live_while_it_waited(
    switched: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = switched.application
    cut_over.swap(application, application.slot("blue"))

    @contextmanager
    def exclusive(*_: object) -> Iterator[None]:
        cut_over.swap(application, application.slot("green"))
        yield

    monkeypatch.setattr(cut_over, "exclusive", exclusive)
    end(switched)
    assert switched.states["shop@green.service"]["ActiveState"] == "active"
    assert switched.states["shop@blue.service"]["ActiveState"] == "inactive"


def test_end_is_refused_and_keeps_the_lock_while_an_activation_goes_on(
    switched: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases, "ACTIVATION_MARGIN", 0)
    with (
        cut_over.exclusive(switched.application, patience=0),
        pytest.raises(Refusal, match="another activation of shop has been running"),
    ):
        end(switched, keep=0, health_timeout=0)
    assert events(switched) == []
    assert len(list(Path(switched.application.releases).iterdir())) == 4
    assert lock.holder(switched.application) == MINE


def test_end_gives_the_lock_back_though_a_build_holds_the_releases(
    switched: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusive, "BUILD_PATIENCE", 0)
    with (
        locked("shop.build", 0, root=switched.application.root),
        pytest.raises(BuildError, match="another build of shop has been running"),
    ):
        end(switched, keep=0)
    assert events(switched) == ["finished", "ended"]
    assert len(list(Path(switched.application.releases).iterdir())) == 4
    assert lock.holder(switched.application) is None


def test_end_gives_the_lock_back_though_nothing_can_be_noted(
    switched: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(history, "note", full)
    with pytest.raises(OSError, match="No space left"):
        end(switched)
    assert lock.holder(switched.application) is None


# Prune


def test_prune_in_check_mode_tells_what_it_would_remove(switched: Host) -> None:
    assert pruning.prune(switched.application, 0, check_mode=True) == ["0.8", "0.9"]
    assert len(list(Path(switched.application.releases).iterdir())) == 4
    assert pruning.prune(switched.application, 0) == ["0.8", "0.9"]
    assert pruning.prune(switched.application, 0) == []


def test_prune_that_is_torn_leaves_no_release_that_looks_complete(
    switched: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pruning, "remove_tree", killed)
        with pytest.raises(KeyboardInterrupt):
            pruning.prune(switched.application, 1)
    assert not Path(switched.application.releases, "0.8", "manifest.json").exists()
    assert pruning.prune(switched.application, 1) == ["0.8"]


def test_prune_of_a_bare_host_removes_nothing_and_makes_nothing(host: Host) -> None:
    assert pruning.prune(host.application, 0) == []
    assert not Path(host.application.releases).exists()
