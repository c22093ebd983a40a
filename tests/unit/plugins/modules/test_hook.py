"""The module around hooks: that a phase runs once, and what is noted of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import history
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import locking
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.slots.hooks import (
    HookError,
    Surroundings,
)
from ansible_collections.asgi.fleet.plugins.modules import hook

Run = Callable[..., dict[str, Any]]
MARK = {"phase": "before_rollout", "release": "1.0"}


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Commands that are only noted; one that begins with `fail: ` fails, for the rest of it."""
    seen: list[tuple[object, ...]] = []

    def run(command: str, *more: object) -> dict[str, Any]:
        seen.append((command, *more))
        if command.startswith("fail: "):
            raise HookError(command.removeprefix("fail: "))
        return {"seconds": 0.1, "output": "done\n"}

    monkeypatch.setattr(hook, "run_hook", run)
    return seen


@pytest.fixture
def run(
    run_module: Run,
    shop: Application,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run the module on a host below `shop.root`, with one command that must run once."""
    monkeypatch.setattr(hook, "Application", partial(Application, root=shop.root))
    monkeypatch.setattr(locking, "RETRY_SECONDS", 0.01)
    arguments = {
        "name": "shop",
        "phase": "before_rollout",
        "commands": [{"command": "migrate", "timeout": 20}],
        "release": "/opt/shop/releases/1.0",
        "user": "shop",
        "environment": 'TOKEN="t"\n',
        "once": True,
    }
    return lambda **changed: run_module(hook, **(arguments | changed))


def test_hook_runs_its_commands_in_their_order_and_notes_the_phase(
    run: Run, shop: Application, calls: list[tuple[object, ...]]
) -> None:
    answer = run(commands=[{"command": "migrate", "timeout": 600}, {"command": "load"}])
    assert (answer["failed"], answer["changed"]) == (False, True)
    ran = {"seconds": 0.1, "output": "done\n"}
    assert answer["ran"] == [{"command": "migrate", **ran}, {"command": "load", **ran}]
    surroundings = Surroundings("/opt/shop/releases/1.0", "shop", {"TOKEN": "t"}, [], Sandbox(), "")
    assert calls == [("migrate", 600.0, surroundings), ("load", 300.0, surroundings)]
    assert history.hooks_done(shop) == [MARK]


@pytest.mark.parametrize("told", ["p@ss-word", "p%40ss-word", "cEBzcy13b3Jk"])
def test_hook_that_fails_shows_no_secret(run: Run, told: str) -> None:
    database = 'DATABASE="postgresql://shop:p%40ss-word@db/shop"\n'
    failing = [{"command": f"fail: login with {told}"}]
    answer = run(commands=failing, environment=database, secret_names=["DATABASE"])
    assert answer["msg"] == "before_rollout: login with <DATABASE>"


def test_command_that_names_a_secret_returns_it_hidden(run: Run) -> None:
    commands = [{"command": "login s3cret"}]
    answer = run(commands=commands, environment='TOKEN="s3cret"\n', secret_names=["TOKEN"])
    assert answer["ran"] == [{"command": "login <TOKEN>", "seconds": 0.1, "output": "done\n"}]


def test_hook_that_ran_does_not_run_again_in_its_rollout(
    run: Run, calls: list[tuple[object, ...]]
) -> None:
    run()
    answer = run()
    assert (answer["failed"], answer["changed"], answer["ran"]) == (False, False, [])
    assert len(calls) == 1
    assert run(phase="after_rollout")["changed"] is True
    assert run(release="/opt/shop/releases/1.1")["changed"] is True


def test_hook_runs_every_time_unless_once_is_asked_for(
    run: Run, shop: Application, calls: list[tuple[object, ...]]
) -> None:
    for _ in range(2):
        assert run(once=False)["changed"] is True
    assert len(calls) == 2
    assert history.hooks_done(shop) == []


def test_hook_that_fails_is_not_noted_and_runs_again(
    run: Run, shop: Application, calls: list[tuple[object, ...]]
) -> None:
    answer = run(commands=[{"command": "migrate"}, {"command": "fail: no disk"}, {"command": "x"}])
    assert (answer["failed"], answer["msg"]) == (True, "before_rollout: no disk")
    assert [ran["command"] for ran in answer["ran"]] == ["migrate"]
    assert [call[0] for call in calls] == ["migrate", "fail: no disk"]
    assert history.hooks_done(shop) == []
    assert run()["changed"] is True


def test_hook_that_ran_elsewhere_is_noted_once_and_not_run(
    run: Run, shop: Application, calls: list[tuple[object, ...]]
) -> None:
    for _ in range(2):
        answer = run(ran_elsewhere=True)
        assert (answer["failed"], answer["changed"], answer["ran"]) == (False, False, [])
    assert calls == []
    assert history.hooks_done(shop) == [MARK]
    assert run()["changed"] is False


def test_hook_without_commands_does_nothing(run: Run, shop: Application) -> None:
    assert run(commands=[])["changed"] is False
    assert history.hooks_done(shop) == []


@pytest.mark.parametrize("done", [False, True])
def test_hook_in_check_mode_tells_whether_it_would_run(
    run: Run, shop: Application, calls: list[tuple[object, ...]], done: bool
) -> None:
    if done:
        history.note(shop, "hook", "1.0", phase="before_rollout")
    answer = run(_ansible_check_mode=True)
    assert (answer["failed"], answer["changed"]) == (False, not done)
    assert run(_ansible_check_mode=True, ran_elsewhere=True)["changed"] is False
    assert calls == []
    assert history.hooks_done(shop) == [MARK] * done
    assert Path(shop.path("var")).exists() is done


def test_hook_waits_for_another_run_and_does_not_run_twice(
    run: Run, shop: Application, calls: list[tuple[object, ...]]
) -> None:
    other = locking.locked("shop.hook", patience=0, root=shop.root)
    other.__enter__()

    def end() -> None:
        history.note(shop, "hook", "1.0", phase="before_rollout")
        other.__exit__(None, None, None)

    ending = threading.Timer(0.2, end)
    ending.start()
    answer = run()
    assert ending.finished.is_set()
    assert (answer["failed"], answer["changed"], answer["ran"]) == (False, False, [])
    assert calls == []


def test_hook_gives_up_when_another_run_does_not_end(
    run: Run, shop: Application, calls: list[tuple[object, ...]]
) -> None:
    with locking.locked("shop.hook", patience=0, root=shop.root):
        answer = run(commands=[{"command": "a", "timeout": 0.1}, {"command": "b", "timeout": 0.2}])
    assert answer["failed"]
    assert answer["msg"] == (
        "before_rollout: commands of another run are still running on this host after 0.3 s; "
        "wait for them to end and run again"
    )
    assert calls == []


def test_hook_answer_holds_no_secret(run: Run) -> None:
    answer = run(environment='TOKEN="s3cret-value"\n', _ansible_inject_invocation=True)
    assert answer["invocation"]["module_args"]["phase"] == "before_rollout"
    assert "s3cret-value" not in str(answer)
