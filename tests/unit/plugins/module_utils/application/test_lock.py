"""The lock of a rollout, what it notes on the host, and the hooks that run in it."""

from __future__ import annotations

import getpass
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import lock as rollout
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import (
    Holder,
    RolloutError,
)

ADA = Holder("20261121T061000-5f3a", "ada@laptop", 1795241400)
BOB = Holder("20261121T061500-77aa", "bob@ci", 1795241700)


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def test_lock_is_held_by_the_one_who_took_it(shop: Application) -> None:
    assert rollout.holder(shop) is None
    assert rollout.acquire(shop, ADA, take_over=False)
    assert rollout.holder(shop) == ADA
    assert not rollout.acquire(shop, ADA, take_over=False)
    folder = Path(rollout.lock_path(shop)).parent
    assert [path.name for path in folder.iterdir()] == ["rollout.lock"]


def test_lock_of_another_is_refused_with_its_name_and_time(shop: Application) -> None:
    rollout.acquire(shop, ADA, take_over=False)
    with pytest.raises(RolloutError) as refused:
        rollout.acquire(shop, BOB, take_over=False)
    assert str(refused.value) == (
        "shop is locked by ada@laptop since 2026-11-21 06:10:00 UTC (rollout "
        "20261121T061000-5f3a); wait for that run to end, or, if it is certain that it no longer "
        "runs, take the lock over: -e fleet_take_over_lock=true"
    )
    assert rollout.holder(shop) == ADA


def test_lock_is_taken_over_only_when_asked_for(shop: Application) -> None:
    rollout.acquire(shop, ADA, take_over=False)
    assert rollout.acquire(shop, BOB, take_over=True)
    assert rollout.holder(shop) == BOB
    # Whoever lost it gives nothing back.
    assert not rollout.release(shop, ADA.rollout)
    assert rollout.release(shop, BOB.rollout)
    assert rollout.holder(shop) is None


def test_lock_goes_to_one_of_many_who_want_it_at_once(shop: Application) -> None:
    won: list[str] = []

    def want(who: str) -> None:
        try:
            rollout.acquire(shop, Holder(who, who, 0), take_over=False)
            won.append(who)
        except RolloutError:
            pass

    threads = [threading.Thread(target=want, args=(f"run-{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = rollout.holder(shop)
    assert held is not None
    assert won == [held.rollout]


def hook_ran(shop: Application, release_id: str, phase: str = "before_rollout") -> None:
    rollout.note(shop, "hook", release_id, phase=phase)


def test_hooks_done_are_those_of_every_resumption(shop: Application) -> None:
    assert rollout.hooks_done(shop) == []
    hook_ran(shop, "1.0")
    hook_ran(shop, "1.0", "after_rollout")
    assert rollout.hooks_done(shop) == ["before_rollout 1.0", "after_rollout 1.0"]


def test_hooks_done_outlive_the_end_of_their_own_rollout(shop: Application) -> None:
    hook_ran(shop, "1.0")
    rollout.note(shop, "finished", "1.0")
    assert rollout.hooks_done(shop) == ["before_rollout 1.0"]


def test_hooks_are_due_again_once_another_release_has_ended_well(shop: Application) -> None:
    for release_id in ("1.0", "1.1"):
        hook_ran(shop, release_id)
        rollout.note(shop, "finished", release_id)
    assert rollout.hooks_done(shop) == ["before_rollout 1.1"]
    hook_ran(shop, "1.0")
    assert rollout.hooks_done(shop) == ["before_rollout 1.1", "before_rollout 1.0"]


def test_hooks_done_are_not_forgotten_for_another_rollout_that_failed(shop: Application) -> None:
    hook_ran(shop, "1.0")
    rollout.note(shop, "finished", "1.0")
    hook_ran(shop, "1.1")
    assert rollout.hooks_done(shop) == ["before_rollout 1.0", "before_rollout 1.1"]


def test_finished_is_the_last_that_ended_well(shop: Application) -> None:
    assert rollout.finished(shop) is None
    began = int(time.time())
    for release_id in ("1.0", "1.1"):
        rollout.note(shop, "finished", release_id)
    hook_ran(shop, "1.2")
    ended = rollout.finished(shop)
    assert ended is not None
    assert ended["release"] == "1.1"
    assert began <= ended["at"] <= time.time()


def test_torn_line_costs_no_other_line(shop: Application) -> None:
    hook_ran(shop, "1.0")
    path = Path(rollout.history_path(shop))
    path.write_text(path.read_text() + '{"event": "fini')
    assert rollout.hooks_done(shop) == ["before_rollout 1.0"]
    # What comes after must not end up in the torn line: a migration would run twice.
    hook_ran(shop, "1.1")
    assert rollout.hooks_done(shop) == ["before_rollout 1.0", "before_rollout 1.1"]
    assert rollout.finished(shop) is None


@pytest.fixture
def release(shop: Application, monkeypatch: pytest.MonkeyPatch) -> str:
    """A release's folder; the application's state goes to the test's folder as well."""
    path = shop.path("opt/shop/releases/1.0")
    Path(path, "src").mkdir(parents=True)
    monkeypatch.setattr(rollout, "STATE_PARENT", shop.path("var/lib"))
    return path


def hook(command: str, release: str, timeout: float = 20) -> str:
    ran = rollout.run_hook(command, release, getpass.getuser(), {"TOKEN": "t"}, timeout)
    return str(ran["output"])


def test_hook_runs_in_the_release_with_its_environment(release: str) -> None:
    output = hook(
        'pwd; echo "$TOKEN $FLEET_APP $FLEET_RELEASE"; echo "${PATH%%:*}"; echo no >&2', release
    )
    assert output.splitlines() == [
        f"{release}/src",
        "t shop 1.0",
        f"{release}/.venv/bin",
        "no",
    ]


def test_hook_that_fails_shows_the_end_of_its_output(release: str) -> None:
    with pytest.raises(RolloutError) as failed:
        hook("seq 100; exit 3", release)
    message = str(failed.value)
    assert message.startswith("the hook 'seq 100; exit 3' failed with exit status 3.")
    assert message.endswith("  99\n  100\n")
    assert "  60\n" not in message


def test_hook_that_takes_too_long_is_killed_with_what_it_started(release: str) -> None:
    began = time.monotonic()
    with pytest.raises(RolloutError, match=r"did not end within 0\.5 s and was killed"):
        hook("echo begun; sleep 60 & sleep 60", release, timeout=0.5)
    assert time.monotonic() - began < 10


def test_last_ended_rollouts_are_remembered(shop: Application) -> None:
    assert rollout.ended(shop) == []
    for number in range(30):
        rollout.note(shop, "ended", "1.0", rollout=f"run-{number}")
        rollout.note(shop, "finished", "1.0")
    assert rollout.ended(shop) == [f"run-{number}" for number in range(10, 30)]
