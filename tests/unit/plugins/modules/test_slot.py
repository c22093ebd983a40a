"""The module around the activation: its arguments, check mode and refusals."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import claim
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Reason
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    activation,
    recycling,
    recycling_files,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import CutOver, Desired
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.modules import slot

FILES = {
    "socket": "[Socket]\n",
    "service": "[Service]\n",
    "settings": "workers = 2\n",
    "worker": "",
    "master": "",
    "counts": "",
    "logs": "",
    "environment": 'TOKEN="s3cret-value"\n',
    "timers": "",
}
RESTART: Reason = {"kind": "restart", "text": "a restart was asked for"}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run_slot(
    run_module: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Run the module on a host below `tmp_path`, with a complete release and no systemd."""
    monkeypatch.setattr(slot, "Application", partial(Application, root=str(tmp_path)))
    application = Application("shop", str(tmp_path))
    claim(application, parents=["opt"])
    release = Path(application.releases, "1.0")
    release.mkdir(parents=True)
    (release / "manifest.json").touch()
    arguments = {
        "name": "shop",
        "release": str(release),
        "workers": 2,
        "blue": FILES,
        "green": FILES,
    }
    return lambda **changed: run_module(slot, **(arguments | changed))


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("check mode must not run anything")


def test_slot_in_check_mode_tells_the_first_activation_and_does_nothing(
    run_slot: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation, "activate", forbidden)
    monkeypatch.setattr(systemd, "systemctl", forbidden)
    answer = run_slot(_ansible_check_mode=True, release="/not/built/yet")
    assert not answer["failed"]
    assert answer["changed"] is True
    assert (answer["slot"], answer["previous_slot"]) == ("blue", None)
    assert answer["reasons"] == [{"kind": "first", "text": "no slot is live yet"}]
    assert answer["steps"] == []
    assert answer["environment"] == {"added": ["TOKEN"], "changed": [], "removed": []}
    assert not (tmp_path / "var").exists()
    assert [part["before"] for part in answer["diff"]] == ["", "", "", ""]


def test_slot_answer_holds_no_secret(run_slot: Run) -> None:
    answer = run_slot(_ansible_check_mode=True, _ansible_inject_invocation=True)
    assert answer["diff"][-1]["after"] == "TOKEN=<hidden>\n"
    assert answer["invocation"]["module_args"]["blue"]["settings"] == "workers = 2\n"
    assert "s3cret-value" not in str(answer)


def test_slot_activates_what_is_desired(run_slot: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Desired] = []

    def activate(
        _: Application, desired: Desired, todo: activation.CutOverPlan, keep_previous: bool
    ) -> CutOver:
        assert keep_previous is False
        seen.append(desired)
        steps: list[dict[str, object]] = [{"step": "cut over", "seconds": 0.1}]
        return CutOver(True, todo.slot, None, steps)

    monkeypatch.setattr(activation, "activate", activate)
    answer = run_slot(
        workers="3",
        health_path="/ready",
        health_host="shop.example.com",
        health_timeout="2.5",
        health_body="fine",
        secret_names=["TOKEN"],
    )
    assert not answer["failed"]
    assert (answer["changed"], answer["slot"]) == (True, "blue")
    assert answer["steps"] == [{"step": "cut over", "seconds": 0.1}]
    (desired,) = seen
    assert desired.health == Health(
        "/ready", "shop.example.com", 2.5, "fine", prefix="gunicorn_service_"
    )
    assert (desired.workers, desired.secret_names) == (3, ("TOKEN",))
    assert desired.files["green"] == FILES


def test_slot_hands_on_that_a_restart_was_asked_for(
    run_slot: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def plan(_: Application, __: Desired, ___: bool, restart: bool) -> activation.CutOverPlan:
        asked.append(restart)
        return activation.CutOverPlan("green", True, (RESTART,))

    monkeypatch.setattr(activation, "plan", plan)
    for restart in (False, True):
        answer = run_slot(restart=restart, _ansible_check_mode=True)
        assert answer["reasons"] == [RESTART]
    assert asked == [False, True]


def test_slot_hands_on_that_the_previous_slot_is_kept(
    run_slot: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def activate(
        _: Application, __: Desired, ___: activation.CutOverPlan, keep_previous: bool
    ) -> CutOver:
        asked.append(keep_previous)
        return CutOver(True, "green", "blue")

    monkeypatch.setattr(activation, "activate", activate)
    before = time.time()
    for keep in (False, True):
        answer = run_slot(keep_previous=keep)
        assert (answer["failed"], answer["previous_slot"]) == (False, "blue")
        assert before <= answer["at"] <= time.time()
    assert asked == [False, True]


def test_slot_refuses_a_release_that_is_not_complete(run_slot: Run) -> None:
    answer = run_slot(release="/no/such/release")
    assert answer["failed"]
    assert answer["msg"] == (
        "/no/such/release is not a complete release: it has no manifest.json; "
        "run the deploy again to build it"
    )


def test_slot_passes_a_refusal_on(run_slot: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def activate(*_: object) -> None:
        raise systemd.Refusal("shop@blue.service crashed at start")

    monkeypatch.setattr(activation, "activate", activate)
    answer = run_slot()
    assert (answer["failed"], answer["msg"]) == (True, "shop@blue.service crashed at start")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"blue": {"socket": ""}}, "missing required arguments: counts, environment, master"),
        # Older versions of Ansible write `<class 'str'>`.
        (
            {"workers": "many"},
            r"argument 'workers' is of type .*str.* and we were unable to convert to int",
        ),
    ],
)
def test_slot_refuses_arguments(run_slot: Run, changed: dict[str, Any], message: str) -> None:
    answer = run_slot(**changed)
    assert answer["failed"]
    assert re.search(message, answer["msg"])


def test_slot_of_a_rollout_is_refused_without_its_lock(
    run_slot: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation, "activate", forbidden)
    answer = run_slot(rollout="mine")
    assert answer["failed"]
    assert answer["msg"].startswith(
        "the lock of shop was taken from this rollout (mine) and is held by nobody; "
    )


RECYCLE = {"after_seconds": 43200, "service": "[Service]\n", "timer": "[Timer]\n"}


def test_slot_has_the_host_recycle_when_it_is_live_and_says_what_it_met(
    run_slot: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[object] = []
    monkeypatch.setattr(
        activation, "activate", lambda *_: CutOver(changed=False, slot="blue", previous_slot="blue")
    )
    monkeypatch.setattr(recycling, "met", lambda *_: ["waited for a recycle"])

    def install(*given: object) -> bool:
        installed.append(given[2])
        return True

    monkeypatch.setattr(recycling_files, "install", install)
    answer = run_slot(recycle=RECYCLE)
    assert (answer["changed"], answer["notes"]) == (True, ["waited for a recycle"])
    run_slot()
    assert installed == [
        {**RECYCLE, "memory_percent": 0, "place": 0, "hosts": 1, "start_seconds": 0},
        {},
    ]


def test_slot_in_check_mode_tells_that_it_would_recycle(
    run_slot: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recycling_files, "install", forbidden)
    monkeypatch.setattr(systemd, "systemctl", forbidden)
    monkeypatch.setattr(
        activation, "plan", lambda *_: activation.CutOverPlan("blue", cut_over=False, reasons=())
    )
    monkeypatch.setattr(activation, "live_is_active", lambda _: True)
    assert run_slot(_ansible_check_mode=True)["changed"] is False
    assert run_slot(_ansible_check_mode=True, recycle=RECYCLE)["changed"] is True
