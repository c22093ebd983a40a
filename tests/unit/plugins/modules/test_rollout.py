"""The module around lock, putting back and end: its states, check mode and refusals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import history, lock
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application, Slot
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    PARENTS,
    claim,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.releases import exclusive
from ansible_collections.asgi.fleet.plugins.module_utils.rollout import phases
from ansible_collections.asgi.fleet.plugins.module_utils.slots import cut_over, reversal
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.survey.front import Visit
from ansible_collections.asgi.fleet.plugins.modules import rollout as module

from tests.unit.plugins.module_utils.slot_host import make_release

Run = Callable[..., dict[str, Any]]
OTHER: Holder = {"rollout": "other", "who": "bob@ci", "since": 1795241700}


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    application = Application("shop", str(tmp_path))
    claim(application, parents=PARENTS)
    return application


@pytest.fixture
def run(run_module: Run, shop: Application, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module on a host below `shop.root` that has no systemd."""
    monkeypatch.setattr(module, "Application", partial(Application, root=shop.root))
    monkeypatch.setattr(systemd, "systemctl", forbidden)
    monkeypatch.setattr(phases, "slot_memory", lambda _: None)
    return lambda **more: run_module(module, **({"name": "shop", "id": "mine"} | more))


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("this must not run anything")


def set_live(shop: Application, slot: str, release: str) -> None:
    """Have a slot be live, with files for its release."""
    for path, target in (
        (shop.live_link, shop.slot(slot).socket),
        (shop.slot(slot).release_link, f"../releases/{release}"),
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).symlink_to(target)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The slots that were settled."""
    slots: list[str] = []

    def settle(_: Application, live: Slot) -> bool:
        slots.append(live.slot)
        return True

    monkeypatch.setattr(cut_over, "settle", settle)
    return slots


def test_rollout_begins_with_the_lock_and_tells_what_is_done(run: Run, shop: Application) -> None:
    set_live(shop, "blue", "1.0")
    make_release(shop, "1.0")
    history.note(shop, "hook", "1.0", phase="before_rollout")
    answer = run(holder="ada@laptop")
    assert not answer["failed"]
    assert answer["changed"] is False
    assert (answer["holder"]["rollout"], answer["holder"]["who"]) == ("mine", "ada@laptop")
    assert answer["acquired"] is True
    assert answer["hooks_done"] == [{"phase": "before_rollout", "release": "1.0"}]
    assert answer["ended"] == []
    assert answer["live"] == "1.0"
    assert [(one["id"], one["state"]) for one in answer["releases"]] == [("1.0", "live")]
    assert answer["capacity"]["cores"] >= 1
    held = lock.holder(shop)
    assert held is not None
    assert held["rollout"] == "mine"


@pytest.mark.parametrize("check_mode", [False, True])
def test_rollout_does_not_acquire_the_lock_while_another_goes_on(
    run: Run, shop: Application, check_mode: bool
) -> None:
    lock.acquire(shop, OTHER, take_over=False)
    answer = run(_ansible_check_mode=check_mode)
    assert (answer["failed"], answer["changed"], answer["acquired"]) == (False, False, False)
    assert answer["holder"] == OTHER
    assert "releases" not in answer
    assert lock.holder(shop) == OTHER


@pytest.mark.parametrize(("check_mode", "holder"), [(False, "mine"), (True, "other")])
def test_rollout_takes_the_lock_over_when_asked_but_not_in_check_mode(
    run: Run, shop: Application, check_mode: bool, holder: str
) -> None:
    lock.acquire(shop, OTHER, take_over=False)
    answer = run(take_over=True, _ansible_check_mode=check_mode)
    assert (answer["failed"], answer["acquired"]) == (False, True)
    assert answer["holder"]["rollout"] == holder
    held = lock.holder(shop)
    assert held is not None
    assert held["rollout"] == holder


def test_rollout_takes_the_lock_of_one_that_ended_elsewhere(run: Run, shop: Application) -> None:
    lock.acquire(shop, OTHER, take_over=False)
    assert run(ended_rollouts=["another"])["acquired"] is False
    assert lock.holder(shop) == OTHER
    answer = run(ended_rollouts=["another", "other"])
    assert (answer["acquired"], answer["holder"]["rollout"]) == (True, "mine")


@pytest.mark.parametrize("state", ["begun", "reverted", "ended"])
def test_rollout_in_check_mode_changes_nothing(
    run: Run, shop: Application, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(reversal, "revert", forbidden)
    monkeypatch.setattr(cut_over, "settle", forbidden)
    before = sorted(Path(shop.root).rglob("*"))
    answer = run(state=state, release="1.0", succeeded=True, _ansible_check_mode=True)
    assert not answer["failed"]
    assert (answer["changed"], answer["live"]) == (False, "")
    # It would be acquired, and is not: nobody holds it.
    assert answer.get("acquired") == {"begun": True}.get(state)
    assert answer["holder"] is lock.holder(shop) is None
    assert sorted(Path(shop.root).rglob("*")) == before


def test_rollout_reverts_with_the_health_it_is_given(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def revert(_: Application, *arguments: object) -> cut_over.CutOver:
        asked.append(arguments)
        return cut_over.CutOver(True, "blue", "green", [{"step": "cut over", "seconds": 0.0}])

    monkeypatch.setattr(reversal, "revert", revert)
    run(state="begun")
    answer = run(
        state="reverted",
        release="1.1",
        health_path="/ready",
        health_host="shop.example.com",
        health_timeout="2.5",
        secret_names=["TOKEN"],
    )
    assert (answer["failed"], answer["changed"]) == (False, True)
    assert answer["steps"] == [{"step": "cut over", "seconds": 0.0}]
    assert asked == [("1.1", Health("/ready", "shop.example.com", 2.5, ""), ("TOKEN",))]


def test_rollout_waits_with_a_revert_for_an_activation_that_is_still_at_work(
    run: Run, shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: list[float] = []

    def exclusive(_: Application, seconds: float) -> None:
        patience.append(seconds)
        raise systemd.Refusal("another activation of shop has been running")

    monkeypatch.setattr(cut_over, "exclusive", exclusive)
    monkeypatch.setattr(reversal, "revert", forbidden)
    set_live(shop, "green", "1.1")
    run(state="begun")
    answer = run(state="reverted", release="1.1", health_timeout=30)
    assert (answer["failed"], answer["live"]) == (True, "1.1")
    assert answer["msg"] == "another activation of shop has been running"
    assert patience == [150]


def test_rollout_names_what_is_live_when_it_cannot_be_put_back(
    run: Run, shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def revert(*_: object) -> None:
        raise systemd.Refusal("shop@blue.service crashed at start")

    monkeypatch.setattr(reversal, "revert", revert)
    set_live(shop, "green", "1.1")
    run(state="begun")
    answer = run(state="reverted", release="1.1")
    assert (answer["failed"], answer["live"]) == (True, "1.1")
    assert answer["msg"] == "shop@blue.service crashed at start"


def test_rollout_puts_nothing_back_once_another_took_its_lock(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reversal, "revert", forbidden)
    run(state="begun", id="another", holder="bob@ci")
    answer = run(state="reverted", release="1.1", id="mine")
    assert answer["failed"]
    assert answer["msg"].startswith(
        "the lock of shop was taken from this rollout (mine) and is held by bob@ci (rollout anoth"
    )


@pytest.mark.parametrize(
    ("succeeded", "release", "finished"),
    [(True, "1.1", ["1.1"]), (False, "1.1", []), (True, None, [])],
)
def test_rollout_ends_with_the_old_slot_let_go_and_the_lock_given_back(
    run: Run,
    shop: Application,
    settled: list[str],
    succeeded: bool,
    release: str | None,
    finished: list[str],
) -> None:
    run()
    set_live(shop, "green", "1.1")
    named = {"release": release} if release else {}
    answer = run(state="ended", succeeded=succeeded, **named)
    assert (answer["failed"], answer["changed"]) == (False, True)
    assert (answer["holder"], answer["live"]) == (None, "1.1")
    assert settled == ["green"]
    assert lock.holder(shop) is None
    done = history.rollouts(shop)
    assert [line.release for line in done if line.event == "finished"] == finished
    # For the hosts that could not be told.
    assert history.ended(shop) == answer["ended"] == [done[-1].rollout] == ["mine"]


@pytest.mark.usefixtures("settled")
def test_rollout_asks_nginx_as_a_visitor_when_it_begins_and_when_it_ends(
    run: Run, shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Visit] = []

    def meet(_: Application, visit: Visit) -> dict[str, object]:
        asked.append(visit)
        return {"nginx": {"active": False}}

    monkeypatch.setattr(phases, "look_at_front", meet)
    visit = {
        "health_host": "shop.example.com",
        "https_path": "/api/healthz",
        "https_port": 8443,
        "certificate": "/etc/shop/tls/fullchain.pem",
    }
    set_live(shop, "green", "1.1")
    answers = [run(**visit), run(state="ended", **visit)]
    assert [answer["front"] for answer in answers] == [{"nginx": {"active": False}}] * 2
    expected = Visit(
        "shop.example.com", "/api/healthz", 8443, certificate="/etc/shop/tls/fullchain.pem"
    )
    assert asked == [expected] * 2


@pytest.mark.parametrize("holder", [OTHER, None], ids=["taken over", "given back"])
def test_rollout_ended_without_the_lock_does_nothing(
    run: Run, shop: Application, settled: list[str], holder: Holder | None
) -> None:
    set_live(shop, "green", "1.1")
    if holder:
        lock.acquire(shop, holder, take_over=False)
    answer = run(state="ended", release="1.1", succeeded=True)
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert settled == []
    assert history.rollouts(shop) == []
    assert lock.holder(shop) == holder


def test_rollout_ends_where_nothing_is_live(
    run: Run, shop: Application, settled: list[str]
) -> None:
    run()
    assert not run(state="ended")["failed"]
    assert settled == []
    assert lock.holder(shop) is None


@pytest.mark.parametrize(("check_mode", "left"), [(False, ["1.1"]), (True, ["1.0", "1.1"])])
def test_rollout_ends_with_old_releases_removed_but_not_in_check_mode(
    run: Run, shop: Application, check_mode: bool, left: list[str]
) -> None:
    run()
    for built_at, name in enumerate(["1.0", "1.1"], start=1):
        make_release(shop, name, built_at=built_at)
    answer = run(state="ended", release="1.1", keep=1, _ansible_check_mode=check_mode)
    assert (answer["failed"], answer["changed"], answer["removed"]) == (False, True, ["1.0"])
    assert sorted(path.name for path in Path(shop.releases).iterdir()) == left
    assert (lock.holder(shop) is None) is not check_mode


@pytest.mark.parametrize(
    ("held_by_another", "removed"), [(False, ["1.0"]), (True, [])], ids=["free", "another's"]
)
def test_rollout_end_in_check_mode_names_what_goes_unless_another_rollout_is_at_work(
    run: Run, shop: Application, held_by_another: bool, removed: list[str]
) -> None:
    for built_at, name in enumerate(["1.0", "1.1"], start=1):
        make_release(shop, name, built_at=built_at)
    if held_by_another:
        lock.acquire(shop, OTHER, take_over=False)
    answer = run(state="ended", release="1.1", keep=1, _ansible_check_mode=True)
    assert (answer["failed"], answer["changed"]) == (False, bool(removed))
    assert answer["removed"] == removed


def test_rollout_ends_without_removing_a_release_unless_asked(run: Run, shop: Application) -> None:
    run()
    make_release(shop, "1.0")
    answer = run(state="ended", succeeded=True)
    assert (answer["changed"], answer["removed"]) == (False, [])
    assert Path(shop.releases, "1.0").exists()


def test_rollout_says_why_it_could_not_remove_and_gives_the_lock_back(
    run: Run, shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusive, "BUILD_PATIENCE", 0)
    run()
    make_release(shop, "1.0")
    with locked("shop.build", 0, root=shop.root):
        answer = run(state="ended", keep=0)
    assert answer["failed"]
    assert answer["msg"].startswith("another build of shop has been running on this host")
    assert (answer["holder"], lock.holder(shop)) == (None, None)


def test_rollout_waits_with_its_end_as_long_as_an_activation_may_take(
    run: Run, shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: list[float] = []

    def exclusive(_: Application, seconds: float) -> None:
        patience.append(seconds)
        raise systemd.Refusal("another activation of shop has been running")

    monkeypatch.setattr(cut_over, "exclusive", exclusive)
    set_live(shop, "green", "1.1")
    run()
    answer = run(state="ended", release="1.1", health_timeout=400)
    assert answer["msg"] == "another activation of shop has been running"
    assert (answer["failed"], answer["live"], answer["holder"]["rollout"]) == (True, "1.1", "mine")
    assert patience == [520]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("paused", "value of state must be one of: begun, reverted, ended"),
        ("reverted", "state is reverted but all of the following are missing: release"),
    ],
)
def test_rollout_refuses_arguments(run: Run, state: str, message: str) -> None:
    answer = run(state=state)
    assert answer["failed"]
    assert message in answer["msg"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_rollout_does_not_begin_under_a_name_that_is_taken(
    run: Run, shop: Application, check_mode: bool
) -> None:
    Path(shop.path("opt/shop/.asgi.fleet")).unlink()
    Path(shop.path("opt/shop/thesis.tex")).touch()
    answer = run(_ansible_check_mode=check_mode)
    assert answer["failed"]
    assert answer["msg"].startswith("shop is taken on this host, and nothing was changed: ")
    assert lock.holder(shop) is None
