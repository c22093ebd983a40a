"""The lock of a rollout: who has it, who gets it, and who goes on without it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import lock
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import Attempt, LockError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder

ADA: Holder = {"rollout": "20261121T061000-5f3a", "who": "ada@laptop", "since": 1795241400}
BOB: Holder = {"rollout": "20261121T061500-77aa", "who": "bob@ci", "since": 1795241700}
TAKEN = Attempt(acquired=True, changed=True, holder=BOB)
REFUSED = Attempt(acquired=False, changed=False, holder=ADA)


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def test_lock_is_held_by_the_one_who_took_it(shop: Application) -> None:
    assert lock.holder(shop) is None
    assert lock.acquire(shop, ADA, take_over=False) == Attempt(True, True, ADA)
    assert lock.holder(shop) == ADA
    later: Holder = {**ADA, "since": ADA["since"] + 60}
    assert lock.acquire(shop, later, take_over=False) == Attempt(True, False, ADA)
    assert lock.holder(shop) == ADA
    folder = Path(lock.lock_path(shop)).parent
    assert [path.name for path in folder.iterdir()] == ["rollout.lock"]


def test_lock_of_another_is_refused_with_its_name_and_time(shop: Application) -> None:
    lock.acquire(shop, ADA, take_over=False)
    assert lock.acquire(shop, BOB, take_over=False) == REFUSED
    assert lock.holder(shop) == ADA


def test_lock_is_taken_over_only_when_asked_for(shop: Application) -> None:
    lock.acquire(shop, ADA, take_over=False)
    assert lock.acquire(shop, BOB, take_over=True) == TAKEN
    assert lock.holder(shop) == BOB
    # Whoever lost it gives nothing back.
    assert not lock.release(shop, ADA["rollout"])
    assert lock.release(shop, BOB["rollout"])
    assert lock.holder(shop) is None


def test_lock_of_a_rollout_that_has_ended_is_free(shop: Application) -> None:
    lock.acquire(shop, ADA, take_over=False)
    assert lock.acquire(shop, BOB, take_over=False, ended=["another"]) == REFUSED
    assert lock.acquire(shop, BOB, take_over=False, ended=["another", ADA["rollout"]]) == TAKEN
    assert lock.holder(shop) == BOB


@pytest.mark.parametrize(
    ("current", "take_over", "ended", "attempt"),
    [
        (None, False, [], TAKEN),
        (BOB, False, [], Attempt(acquired=True, changed=False, holder=BOB)),
        (ADA, False, [], REFUSED),
        (ADA, False, ["another"], REFUSED),
        (ADA, True, [], TAKEN),
        (ADA, False, [ADA["rollout"]], TAKEN),
    ],
    ids=["free", "own", "another's", "another ended", "take over", "its rollout ended"],
)
def test_may_acquire_tells_what_acquire_does_and_changes_nothing(
    shop: Application, current: Holder | None, take_over: bool, ended: list[str], attempt: Attempt
) -> None:
    if current:
        lock.acquire(shop, current, take_over=False)
    assert lock.may_acquire(shop, BOB, take_over, ended) == attempt
    assert lock.holder(shop) == current
    assert Path(shop.path("var")).exists() is (current is not None)
    assert lock.acquire(shop, BOB, take_over, ended) == attempt


def test_lock_goes_to_one_of_many_who_want_it_at_once(shop: Application) -> None:
    won: list[str] = []

    def want(who: str) -> None:
        wanted: Holder = {"rollout": who, "who": who, "since": 0}
        if lock.acquire(shop, wanted, take_over=False).acquired:
            won.append(who)

    threads = [threading.Thread(target=want, args=(f"run-{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = lock.holder(shop)
    assert held is not None
    assert won == [held["rollout"]]


@pytest.mark.parametrize(
    ("current", "now"),
    [(None, "nobody"), (BOB, "bob@ci (rollout 20261121T061500-77aa)")],
    ids=["given back", "taken over"],
)
def test_lock_is_required_of_the_rollout_itself(
    shop: Application, current: Holder | None, now: str
) -> None:
    if current:
        lock.acquire(shop, current, take_over=False)
        lock.require_lock(shop, current["rollout"])
    with pytest.raises(LockError) as refused:
        lock.require_lock(shop, ADA["rollout"])
    assert str(refused.value) == (
        "the lock of shop was taken from this rollout (20261121T061000-5f3a) and is held by "
        f"{now}; let that run end, and see with playbooks/status.yml what came of it"
    )
