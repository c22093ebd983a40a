"""A measurement on a host whose systemd, nginx and load tool are played."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import lock
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import LockError
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.slots import cut_over
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.slots.options import FILES
from ansible_collections.asgi.fleet.plugins.module_utils.tuning import (
    front,
    gauges,
    keeper,
    load,
    load_tool,
    measurement,
)
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.load import Served
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.load_tool import LoadTool
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.measurement import Wanted, order
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import Step, TuneSlot

from tests.unit.plugins.module_utils.slot_host import Host

STEPS = [Step(count, 512 + 128 * count, 128 * (count + 1)) for count in (1, 2, 3)]
HOLDER: Holder = {"rollout": "tune-1", "who": "ada@laptop", "since": 1}


def test_each_round_turns_the_order() -> None:
    assert [(number, step.workers) for number, step in order(STEPS, 3)] == [
        *((1, 1), (1, 2), (1, 3)),
        *((2, 3), (2, 2), (2, 1)),
        *((3, 1), (3, 2), (3, 3)),
    ]


class Bench:
    """What plays nginx and wrk: each load is answered by `serve`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.events: list[str] = []
        self.workers = 0
        self.serve: Callable[[int, bool], Served] = lambda workers, _trial: Served(
            1000 * workers, 1.0, 1.0, 2.0
        )
        self.on_load: Callable[[], object] = lambda: None

    def start(self, slot: TuneSlot, desired: Any) -> None:  # noqa: ANN401
        self.workers = desired.workers
        assert f"--workers {desired.workers}\n" in Path(slot.drop_in).read_text()
        assert str(Path(slot.live_link).readlink()) == slot.socket
        assert lock.holder(slot.application) == HOLDER
        self.events.append(f"start {desired.workers}")

    def load(
        self, _slot: TuneSlot, _tool: LoadTool, _port: int, *_: int, statuses: bool = False
    ) -> Served:
        self.on_load()
        self.events.append("trial" if statuses else "load")
        return self.serve(self.workers, statuses)

    def wanted(self, **more: Any) -> Wanted:  # noqa: ANN401
        # What the module is given: a slot may have further files for others.
        files = {kind: f"{kind}\n" for kind in FILES["options"]} | {
            "service": "ExecStart=/g --config /c\n"
        }
        release = self.host.application.slot("blue").release() or ""
        settings: dict[str, Any] = {"rounds": 2, "seconds": 1, "warm_seconds": 1, "connections": 8}
        health = Health("/healthz", "shop.example.com", 0.3)
        return Wanted(release, files, health, STEPS, script="lua", **(settings | more))

    def measure(self, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        return measurement.measure(self.host.application, self.wanted(**more), HOLDER)


@pytest.fixture
def bench(live: Host, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(live)

    @contextmanager
    def kept(slot: TuneSlot, _rollout: str) -> Iterator[None]:
        Path(slot.folder).mkdir(parents=True)
        try:
            yield
        finally:
            bench.events.append("kept")

    monkeypatch.setattr(keeper, "kept", kept)
    monkeypatch.setattr(load_tool, "find", lambda _folder: LoadTool("/usr/bin/wrk"))
    monkeypatch.setattr(front, "start", lambda *_: 4321)
    monkeypatch.setattr(front, "stop", lambda _slot: bench.events.append("stop nginx"))
    monkeypatch.setattr(cut_over, "start", bench.start)
    monkeypatch.setattr(cut_over, "end", lambda _slot: bench.events.append("end"))
    monkeypatch.setattr(load, "run", bench.load)
    monkeypatch.setattr(gauges, "memory_mb", lambda _pid: 50.0)
    monkeypatch.setattr(gauges, "connections", lambda _pids: {"127.0.0.1:5432": 5})
    monkeypatch.setattr(measurement, "QUIET_SECONDS", 0)
    monkeypatch.setattr(measurement, "workers_of", lambda _pid: list(range(bench.workers)))
    states = {"ActiveState": "inactive", "MainPID": "1", "ControlGroup": ""}
    monkeypatch.setattr(systemd, "show", lambda _unit: states)
    return bench


def test_each_number_is_measured_in_each_round_and_put_away(bench: Bench) -> None:
    found = bench.measure()
    assert [(one["round"], one["workers"], one["rps"]) for one in found] == [
        *((1, 1, 1000), (1, 2, 2000), (1, 3, 3000)),
        *((2, 3, 3000), (2, 2, 2000), (2, 1, 1000)),
    ]
    assert found[2]["memory_mb"] == 150
    assert found[2]["connections"] == {"127.0.0.1:5432": 5}
    # The requests are tried once, and each load has one before it that does not count.
    assert bench.events[:6] == ["start 1", "trial", "load", "load", "stop nginx", "end"]
    assert bench.events.count("trial") == 1
    assert bench.events[-3:] == ["stop nginx", "end", "kept"]


def test_live_and_idle_slots_stay_as_they_are(bench: Bench) -> None:
    application = bench.host.application
    before = {slot: application.slot(slot).contents() for slot in ("blue", "green")}
    bench.measure()
    assert {slot: application.slot(slot).contents() for slot in ("blue", "green")} == before
    assert application.live_slot() == "blue"


def test_requests_that_are_wrong_are_refused_before_anything_is_measured(bench: Bench) -> None:
    bench.serve = lambda _workers, trial: Served(9, 1, 1, 1, statuses={"404": 9} if trial else {})
    with pytest.raises(Refusal, match=r"9 answers with status 404 of 9 requests; .* tune_requests"):
        bench.measure()
    assert bench.events == ["start 1", "trial", "stop nginx", "end", "kept"]


def test_errors_under_load_make_it_no_measurement(bench: Bench) -> None:
    bench.serve = lambda workers, trial: Served(9, 1, 1, 1, bad=0 if trial else workers % 2)
    assert {one["workers"]: bool(one["problem"]) for one in bench.measure()} == {
        1: True,
        2: False,
        3: True,
    }


def test_slot_that_does_not_start_with_many_workers_is_a_finding(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(slot: TuneSlot, desired: Any) -> None:  # noqa: ANN401
        bench.start(slot, desired)
        if desired.workers == 3:
            raise Refusal("shop@tune.service failed at start\nLast lines of its journal:")

    monkeypatch.setattr(cut_over, "start", start)
    found = bench.measure(rounds=1)
    assert [one["problem"] for one in found] == ["", "", "shop@tune.service failed at start"]
    assert bench.events.count("end") == 3


def test_locked_application_is_refused_by_name_of_the_holder(bench: Bench) -> None:
    eve: Holder = {"rollout": "20261128-1", "who": "eve@desk", "since": 1}
    lock.acquire(bench.host.application, eve, take_over=False)
    with pytest.raises(Refusal, match=r"shop is locked on this host by eve@desk \(rollout 2026"):
        bench.measure()
    assert bench.events == ["kept"]
    assert lock.holder(bench.host.application) == eve


def test_lock_that_is_taken_over_ends_it(bench: Bench) -> None:
    eve: Holder = {"rollout": "20261128-1", "who": "eve@desk", "since": 1}
    bench.on_load = lambda: lock.acquire(bench.host.application, eve, take_over=True)
    with pytest.raises(LockError, match=r"eve@desk"):
        bench.measure()
    assert bench.events[-1] == "kept"


def test_slot_that_drains_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "show", lambda _unit: {"ActiveState": "deactivating"})
    with pytest.raises(Refusal, match=r"shop@green.service still runs: it drains"):
        bench.measure()


def test_release_that_is_not_live_any_more_is_refused(bench: Bench) -> None:
    with pytest.raises(Refusal, match=r"1\.9 is not live on this host any more"):
        measurement.measure(
            bench.host.application,
            Wanted("/opt/shop/releases/1.9", {}, Health("/", "x", 1), [], 1, 1, 1, 1, ""),
            HOLDER,
        )
    assert bench.events == []


def test_worker_that_ends_under_load_makes_it_no_measurement(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = iter(range(1000))
    monkeypatch.setattr(measurement, "workers_of", lambda _pid: [next(pids)])
    assert bench.measure(rounds=1)[0]["problem"] == "1 of 1 workers ended under load"
