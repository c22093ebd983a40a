"""What is told of an application: read from real files and processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    ApplicationState,
    HttpsAnswer,
    LiveSlot,
    ServerUnit,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey import application as app_state
from ansible_collections.asgi.fleet.plugins.module_utils.survey import upkeep
from ansible_collections.asgi.fleet.plugins.module_utils.survey.application import (
    Questions,
    look,
    unhealthy,
    wait_healthy,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.slot_memory import memory_mb


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def make_live(shop: Application, *history: tuple[str, str, int]) -> None:
    """Make blue live with the last release of `history` (event, release, time) that is live."""
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    link.symlink_to(shop.slot("blue").socket)
    lines = [json.dumps({"event": e, "release": r, "at": at}) for e, r, at in history]
    Path(shop.activations).write_text("".join(f"{line}\n" for line in lines))
    slot = Path(shop.slot("blue").release_link)
    slot.parent.mkdir(parents=True)
    live = [name for event, name, _ in history if event == "live"][-1]
    slot.symlink_to(f"../releases/{live}")


def test_bare_host_has_no_state(shop: Application) -> None:
    state = look(shop, Questions())
    assert (state["application"], state["live"], state["workers"]) == ("shop", None, [])
    assert (state["workers_planned"], state["memory_mb"], state["health"]) == (0, 0, 0)
    assert (state["cpu_percent"], state["https"], state["certificate"]) == (None, None, None)
    assert (state["lock"], state["finished"], state["maintenance_since"]) == (None, None, None)
    assert (state["idle_enabled"], state["releases"]) == ([], [])


def test_state_tells_what_a_service_may_use(shop: Application) -> None:
    capacity = look(shop, Questions())["capacity"]
    assert set(capacity) == {"cores", "cores_source", "memory_bytes", "memory_source"}
    assert capacity["cores"] >= 1
    assert capacity["memory_bytes"] > 0


def test_needs_of_the_host_are_told_if_asked_for(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, int]] = []
    told = {"updates": {"waiting": []}, "memory_kills": {}, "outdated": {"x.service": ["nginx"]}}

    def needs(since: dict[str, int]) -> dict[str, object]:
        asked.append(since)
        return dict(told)

    monkeypatch.setattr(app_state, "upkeep", needs)
    assert "updates" not in look(shop, Questions())
    state = look(shop, Questions(upkeep=True))
    assert told.items() <= state.items()
    make_live(shop, ("live", "1.0", 5), ("live", "1.1", 7))
    play_systemd(monkeypatch)
    look(shop, Questions(upkeep=True))
    assert asked == [{"nginx.service": 0}, {"shop@blue.service": 7, "nginx.service": 0}]


@pytest.fixture
def answering(shop: Application) -> Iterator[None]:
    """Answer one request on blue's socket with 503."""
    path = Path(shop.slot("blue").socket)
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield
        thread.join(timeout=5)


IDLE = {"MainPID": "0", "ActiveState": "", "Job": ""}


def play_systemd(
    monkeypatch: pytest.MonkeyPatch, enabled: tuple[str, ...] = (), **state: str
) -> None:
    for module in (app_state, upkeep):
        monkeypatch.setattr(module, "show", lambda _: {**IDLE, **state})
        monkeypatch.setattr(module, "enabled", lambda units: set(units) & set(enabled))


BLUE = ("shop@blue.socket", "shop@blue.service")


def make_units(shop: Application, *slots: str) -> None:
    for slot in slots:
        for kind in ("socket", "service"):
            path = Path(shop.slot(slot).files[kind])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


@pytest.mark.usefixtures("answering")
def test_state_of_a_live_slot(shop: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    make_live(shop, ("live", "1.0", 5), ("live", "1.1", 7), ("refused", "1.2", 9))
    blue = shop.slot("blue")
    Path(blue.plan).parent.mkdir(parents=True)
    Path(blue.plan).write_text('{"workers": 2}\n')
    make_units(shop, "blue", "green")
    workers = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    try:
        Path(blue.runtime_directory).mkdir()
        for worker in workers[:2]:
            report = Path(blue.runtime_directory, f"worker-{worker.pid}.json")
            report.write_text('{"status": 200, "answer": ""}')
        workers[1].send_signal(signal.SIGSTOP)
        os.waitpid(workers[1].pid, os.WUNTRACED)
        at_boot = (*BLUE, "shop@green.socket")
        play_systemd(monkeypatch, at_boot, MainPID=str(os.getpid()), ActiveState="active")
        state = look(shop, Questions())
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    assert state["live"] == {
        "slot": "blue",
        "release": "1.1",
        "since": 7,
        "active": True,
        "starting": False,
        "enabled": True,
    }
    assert state["workers_planned"] == 2
    assert state["health"] == 503
    seen = {worker["pid"]: worker for worker in state["workers"]}
    assert [seen[worker.pid]["healthy"] for worker in workers] == [True, False, False]
    assert [seen[worker.pid]["stopped"] for worker in workers] == [False, True, False]
    assert state["idle_enabled"] == ["shop@green.socket"]
    assert state["cpu_percent"] is None or state["cpu_percent"] >= 0
    # Of the master above all. What it shares with processes of others comes and goes meanwhile.
    assert state["memory_mb"] >= memory_mb(os.getpid()) / 2 > 0


@pytest.mark.usefixtures("answering")
def test_plain_workers_that_run_count(shop: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    make_live(shop, ("live", "1.0", 5))
    blue = shop.slot("blue")
    Path(blue.plan).parent.mkdir(parents=True)
    Path(blue.plan).write_text('{"workers": 2}\n')
    Path(blue.files["settings"]).write_text("worker_class = UvicornWorker\n")
    make_units(shop, "blue")
    workers = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    try:
        workers[1].send_signal(signal.SIGSTOP)
        play_systemd(monkeypatch, BLUE, MainPID=str(os.getpid()), ActiveState="active")
        state = look(shop, Questions())
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    seen = {worker["pid"]: worker["healthy"] for worker in state["workers"]}
    assert [seen[worker.pid] for worker in workers] == [True, False]


def test_state_of_a_live_slot_that_is_down(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_live(shop, ("live", "1.0", 5))
    make_units(shop, "blue")
    play_systemd(monkeypatch, BLUE[:1], ActiveState="failed", MainPID="")
    state = look(shop, Questions())
    assert state["live"] is not None
    assert (state["live"]["active"], state["live"]["enabled"]) == (False, False)
    assert (state["workers"], state["memory_mb"], state["health"]) == ([], 0, 0)


def test_what_runs_once_in_the_fleet_is_told_where_it_runs_and_where_not(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_live(shop, ("live", "1.0", 5))
    make_units(shop, "blue")
    bot, queue = ({"name": "bot", "once_per_fleet": True}, {"name": "queue"})
    Path(shop.slot("blue").plan).parent.mkdir(parents=True, exist_ok=True)
    Path(shop.slot("blue").plan).write_text(json.dumps({"workers": 2, "processes": [bot, queue]}))
    play_systemd(monkeypatch, ActiveState="failed", MainPID="")
    assert look(shop, Questions())["singletons"] == {"here": False, "processes": ["bot"]}
    Path(shop.singletons).touch()
    assert look(shop, Questions())["singletons"] == {"here": True, "processes": ["bot"]}


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert memory_mb(process.pid) == 0


# Waiting for a healthy one


NGINX: ServerUnit = {"active": True, "starting": False, "enabled": True}
RUNS: LiveSlot = {
    "slot": "blue",
    "release": "1.0",
    "since": 5,
    "active": True,
    "starting": False,
    "enabled": True,
}


def answered(health: int, https: int | None = None) -> ApplicationState:
    """Return a state with a status of the application and, if it was asked, of nginx."""
    through: HttpsAnswer | None = None
    if https is not None:
        through = {
            "status": https,
            "error": "",
            "late": False,
            "certificate_current": None,
            "refused": "",
        }
    return {
        "application": "shop",
        "live": RUNS,
        "workers": [],
        "health": health,
        "nginx": NGINX,
        "https": through,
        "maintenance_since": None,
    }


def changed(**more: object) -> ApplicationState:
    return {**answered(200, 200), **more}  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("state", "seen", "waits"),
    [
        (answered(503), "the health path of shop@blue answers 503", True),
        (answered(0), "the health path of shop@blue does not answer", True),
        (answered(200, 502), "nginx answers the health path with 502; expected 200", True),
        (answered(503, 200), "the health path of shop@blue answers 503", True),
        (answered(0, 0), "the health path of shop@blue does not answer", True),
        (answered(200, 0), "nginx does not answer HTTPS (no answer)", True),
        (changed(nginx={**NGINX, "active": False}), "nginx is not running", False),
        (
            changed(nginx={**NGINX, "active": False, "starting": True}),
            "nginx is not running",
            True,
        ),
        (changed(live=None), "shop has no live release", False),
        (changed(live={**RUNS, "active": False}), "shop@blue is not running", False),
        (
            changed(live={**RUNS, "active": False, "starting": True}),
            "shop@blue is not running",
            True,
        ),
    ],
)
def test_unhealthy_says_which_hop_is_broken_and_whether_it_may_pass(
    state: ApplicationState, seen: str, waits: bool
) -> None:
    fault = unhealthy(state)
    assert fault is not None
    assert (fault.seen, fault.waits) == (seen, waits)
    assert fault.todo


@pytest.mark.parametrize("state", [answered(200), answered(200, 200)])
def test_healthy_is_what_answers_200_itself_and_through_nginx(state: ApplicationState) -> None:
    assert unhealthy(state) is None


def test_maintenance_mode_answers_503_on_purpose() -> None:
    assert unhealthy({**answered(200, 503), "maintenance_since": 1790000000}) is None


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[ApplicationState]]:
    """Have looks return these states one after the other, the last for ever; return the looks."""
    monkeypatch.setattr(app_state, "POLL_SECONDS", 0.01)

    def play(*states: ApplicationState) -> list[ApplicationState]:
        seen: list[ApplicationState] = []

        def answer(_: Application, __: Questions) -> ApplicationState:
            seen.append(states[min(len(seen), len(states) - 1)])
            return seen[-1]

        monkeypatch.setattr(app_state, "look", answer)
        return seen

    return play


Answers = Callable[..., list[ApplicationState]]


def test_wait_healthy_asks_until_it_is(shop: Application, answers: Answers) -> None:
    seen = answers(answered(0, 502), answered(200, 502), answered(200, 200))
    assert wait_healthy(shop, Questions(), 30) == answered(200, 200)
    assert len(seen) == 3


def test_wait_healthy_does_not_wait_for_what_waiting_cannot_heal(
    shop: Application, answers: Answers
) -> None:
    seen = answers(changed(nginx={**NGINX, "active": False}), answered(200, 200))
    wait_healthy(shop, Questions(), 30)
    assert len(seen) == 1


def test_wait_healthy_does_not_wait_for_what_is_healthy(
    shop: Application, answers: Answers
) -> None:
    seen = answers(answered(200))
    wait_healthy(shop, Questions(), 30)
    assert len(seen) == 1


def test_wait_healthy_returns_the_last_state_when_the_time_is_over(
    shop: Application, answers: Answers
) -> None:
    seen = answers(answered(0), answered(503))
    assert wait_healthy(shop, Questions(), 0.1) == answered(503)
    assert len(seen) > 1


def test_wait_healthy_without_time_asks_once(shop: Application, answers: Answers) -> None:
    seen = answers(answered(503), answered(200))
    assert wait_healthy(shop, Questions(), 0) == answered(503)
    assert len(seen) == 1


def test_what_recycles_came_to_is_told_where_the_host_recycles(shop: Application) -> None:
    assert look(shop, Questions())["recycle"] is None
    timer = Path(shop.recycling["timer"])
    timer.parent.mkdir(parents=True)
    timer.touch()
    recycled = Path(shop.recycled)
    recycled.parent.mkdir(parents=True)
    reason = "shop@green.service crashed \x1b[2J\nLast lines of its journal:\n  x"
    recycled.write_text(json.dumps({"at": 9, "failures": 2, "reason": reason, "next": 99}))
    assert look(shop, Questions())["recycle"] == {
        "at": 9,
        "why": "",
        "failures": 2,
        "reason": "shop@green.service crashed \\x1b[2J",
        "next": 99,
        "waiting": "",
    }
