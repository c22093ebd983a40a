"""The single steps of a cut-over."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import SLOTS, Slot
from ansible_collections.asgi.fleet.plugins.module_utils.host import (
    control_group,
    locking,
    systemd,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import cut_over, slot_files
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import (
    Health,
    Report,
    final_answer,
)

from tests.unit.plugins.module_utils.slot_host import Host, refused


@pytest.mark.parametrize(
    ("enabled", "states", "calls"),
    [
        ({"shop@green.socket"}, {}, ["disable shop@green.socket", "daemon-reload"]),
        (set(), {"shop@green.service": "deactivating"}, []),
        # systemd stops a socket after its service: until then it is active.
        (set(), {"shop@green.service": "deactivating", "shop@green.socket": "active"}, []),
        (
            set(),
            {"shop@green.service": "activating"},
            ["stop --no-block shop@green.socket shop@green.service"],
        ),
        (
            {"shop@green.service"},
            {"shop@green.socket": "active"},
            [
                "disable shop@green.service",
                "daemon-reload",
                "stop --no-block shop@green.socket shop@green.service",
            ],
        ),
    ],
    ids=["enabled", "draining", "draining, its socket held", "starting", "enabled and listening"],
)
def test_settle_puts_the_idle_slot_away_without_waiting(
    live: Host, enabled: set[str], states: dict[str, str], calls: list[str]
) -> None:
    green = live.application.slot("green")
    slot_files.configure(green, live.desired())
    live.systemctl("disable", *green.units)
    live.calls.clear()
    live.enabled |= enabled
    live.states |= {unit: {"ActiveState": state} for unit, state in states.items()}

    changed = cut_over.settle(live.application, live.application.slot("blue"))

    assert changed == bool(calls)
    assert [call for call, _ in live.calls] == calls
    assert not live.changed_on_disk()


@pytest.mark.parametrize(
    ("state", "kills"),
    [("failed", 1), ("inactive", 1), ("deactivating", 0)],
)
def test_settle_ends_what_a_service_that_crashed_left_behind(
    live: Host, monkeypatch: pytest.MonkeyPatch, state: str, kills: int
) -> None:
    green = live.application.slot("green")
    slot_files.configure(green, live.desired())
    live.systemctl("disable", *green.units)
    live.calls.clear()
    live.states[green.units[1]] = {"ActiveState": state, "ControlGroup": "/shop@green.service"}
    monkeypatch.setattr(
        control_group, "members", lambda group: [7] if group == "/shop@green.service" else []
    )
    assert cut_over.settle(live.application, live.application.slot("blue")) == bool(kills)
    assert [call for call, _ in live.calls] == ["kill --signal=KILL shop@green.service"] * kills


def test_settle_enables_what_a_torn_run_left_disabled(live: Host) -> None:
    live.enabled.clear()
    assert live.activate(live.desired()).changed is True
    assert live.enabled == {"shop@blue.socket", "shop@blue.service"}
    assert live.calls == [
        ("enable shop@blue.socket shop@blue.service", "blue"),
        ("daemon-reload", "blue"),
    ]


def test_settle_enables_and_disables_with_one_reload(live: Host) -> None:
    green = live.application.slot("green")
    slot_files.configure(green, live.desired())
    live.enabled -= {"shop@blue.service"}
    live.calls.clear()
    assert cut_over.settle(live.application, live.application.slot("blue"), stop=False) is True
    assert [call for call, _ in live.calls] == [
        "enable shop@blue.service",
        "disable shop@green.socket shop@green.service",
        "daemon-reload",
    ]


def test_settle_that_changes_nothing_does_not_reload(live: Host) -> None:
    assert cut_over.settle(live.application, live.application.slot("blue")) is False
    assert live.calls == []


@pytest.mark.parametrize(
    ("enabled", "calls"),
    [
        (set(), []),
        ({"shop@green.service"}, ["disable shop@green.service", "daemon-reload"]),
        (
            {"shop@green.socket", "shop@green.service"},
            ["disable shop@green.socket shop@green.service", "daemon-reload"],
        ),
    ],
    ids=["disabled", "half enabled", "enabled"],
)
def test_put_away_reloads_once_for_what_it_disables_and_stops_the_slot(
    live: Host, enabled: set[str], calls: list[str]
) -> None:
    green = live.application.slot("green")
    slot_files.configure(green, live.desired())
    live.systemctl("disable", *green.units)
    live.enabled |= enabled
    live.calls.clear()

    cut_over.put_away(green)

    stop = "stop shop@green.socket shop@green.service"
    assert [call for call, _ in live.calls] == [*calls, stop]
    assert live.enabled == {"shop@blue.socket", "shop@blue.service"}
    assert not live.changed_on_disk()


def test_put_away_ends_what_the_slot_left_behind_and_tells_it(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    def end(unit: str) -> list[int]:
        assert live.states["shop@green.service"] == {"ActiveState": "inactive"}
        ended.append(unit)
        return [7, 8]

    live.activate(live.desired("1.1"))
    live.activate(live.desired("1.2"))
    monkeypatch.setattr(control_group, "end", end)
    outcome = live.activate(live.desired("1.3"))
    assert ended == ["shop@green.service"]
    assert outcome.steps[1] == {
        "step": "killed what the slot's last release had left behind: 2 processes",
        "seconds": 0,
    }


@pytest.mark.parametrize(("told", "stopping"), [(True, True), (True, False), (False, True)])
def test_put_away_waits_for_no_unit_on_a_host_that_goes_down(
    live: Host, monkeypatch: pytest.MonkeyPatch, told: bool, stopping: bool
) -> None:
    live.activate(live.desired("1.1"), keep_previous=True)
    live.calls.clear()
    monkeypatch.setattr(cut_over, "told_to_end", lambda: told)
    monkeypatch.setattr(systemd, "is_host_stopping", lambda: stopping)
    cut_over.put_away(live.application.slot("blue"))
    stops = [call for call, _ in live.calls if call.startswith("stop")]
    assert (stops == []) == (told and stopping)


def test_put_away_of_a_slot_that_was_never_written_asks_nothing(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("there is no unit to ask about")

    monkeypatch.setattr(systemd, "systemctl", forbidden)
    cut_over.put_away(live.application.slot("green"))


def test_swap_leaves_no_moment_without_a_live_slot(live: Host) -> None:
    link = Path(live.application.live_link)
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            # readlink() raises if there is a moment without a link; the thread then ends early.
            seen.add(str(link.readlink()))
        seen.add("to the end")

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(50):
        for slot in SLOTS:
            cut_over.swap(live.application, live.application.slot(slot))
    stop.set()
    looking.join()
    assert seen - {live.application.slot(slot).socket for slot in SLOTS} == {"to the end"}


def test_swap_replaces_what_a_torn_one_left(live: Host) -> None:
    Path(live.application.live_link + ".new").symlink_to("/nowhere")
    cut_over.swap(live.application, live.application.slot("green"))
    assert live.application.live_slot() == "green"
    assert not os.path.lexists(live.application.live_link + ".new")


def test_exclusive_refuses_a_second_activation(host: Host) -> None:
    with (
        cut_over.exclusive(host.application, patience=0),
        pytest.raises(Refusal, match="another activation of shop has been running on this host"),
        cut_over.exclusive(host.application, patience=0.3),
    ):
        pass
    with cut_over.exclusive(host.application, patience=0):
        pass


def test_exclusive_waits_for_another_activation(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "RETRY_SECONDS", 0.01)
    first = cut_over.exclusive(host.application, patience=0)
    first.__enter__()
    ending = threading.Timer(0.1, first.__exit__, (None, None, None))
    ending.start()
    with cut_over.exclusive(host.application, patience=30):
        assert ending.finished.wait(5)


def test_exclusive_lets_a_timeout_of_the_activation_itself_through(host: Host) -> None:
    with pytest.raises(TimeoutError), cut_over.exclusive(host.application, patience=0):
        raise TimeoutError


def patient(host: Host) -> Desired:
    """Return a release that may take a minute."""
    desired = host.desired("1.1")
    return replace(desired, health=replace(desired.health, timeout=60))


def test_final_answer_ends_the_wait_and_is_told(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut_over, "CONFIRM_SECONDS", 0.2)
    live.worker_answers = [(200, ""), (404, "Not Found")]
    began = time.monotonic()
    message = refused(live, patient(live))
    assert time.monotonic() - began < 10
    # The socket of this test answers whatever it is asked with 200.
    assert message.startswith(
        "shop@green.service answers GET /healthz with Host: shop.example.com with 404 Not Found; "
        "expected 200; set app_health_path: /healthz/, which it answers with 200\n"
        "Release 1.1 was stopped and takes no traffic."
    )


def test_final_answer_that_does_not_stay_is_waited_for(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut_over, "CONFIRM_SECONDS", 5)
    live.worker_answers = [(404, ""), (404, "")]

    def answer(slot: Slot, health: Health, state: dict[str, str]) -> Report | None:
        found = final_answer(slot, health, state)
        for path in Path(slot.runtime_directory).glob("worker-*.json"):
            path.write_text('{"status": 200, "answer": ""}')
        return found

    monkeypatch.setattr(cut_over, "final_answer", answer)
    assert live.activate(patient(live)).slot == "green"
