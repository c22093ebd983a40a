"""Cutting over: what is planned, in which order it is done, and that a refusal leaves what is live.

systemd is played by `Host`, which keeps the states of units and answers over real unix sockets;
that the real one does as it is told is shown by the molecule scenarios.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils import (
    activation,
    health,
    locking,
    rollout,
    systemd,
)
from ansible_collections.asgi.fleet.plugins.module_utils.activation import Desired, Plan
from ansible_collections.asgi.fleet.plugins.module_utils.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.retention import activations
from ansible_collections.asgi.fleet.plugins.module_utils.rollout import RolloutError
from ansible_collections.asgi.fleet.plugins.module_utils.slots import SLOTS, Application, Slot
from ansible_collections.asgi.fleet.plugins.module_utils.systemd import Refusal

KINDS = ("socket", "service", "settings", "worker", "environment")
ENVIRONMENT = 'TOKEN="s3cret-value"\nCOLOR="red"\n'


class Host:
    """A host with an application, whose systemd is this object."""

    def __init__(self, root: Path) -> None:
        self.application = Application("shop", str(root))
        #: Each changing call, with the slot that was live when it came.
        self.calls: list[tuple[str, str | None]] = []
        self.states: dict[str, dict[str, str]] = {}
        self.enabled: set[str] = set()
        #: What the next start leads to; the defaults are those of a healthy release.
        self.started_state = {"ActiveState": "active", "SubState": "running", "Result": "success"}
        self.worker_answers = [(200, "ok"), (200, "ok")]
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.failing = ""
        self.requests: list[bytes] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.listeners: list[socket.socket] = []

    def desired(self, release: str = "1.0", **files: str) -> Desired:
        """Return a release with its files; `files` change both slots' version of a kind."""
        both = {
            slot: {kind: f"{kind} of {slot}\n" for kind in KINDS}
            | {"environment": ENVIRONMENT, "service": f"{slot} runs {release}\n"}
            | files
            for slot in SLOTS
        }
        return Desired(
            release=f"{self.application.releases}/{release}",
            files=both,
            health=Health("/healthz", "shop.example.com", timeout=0.3),
            workers=2,
            secret_names=("TOKEN",),
        )

    def activate(self, desired: Desired, keep_previous: bool = False) -> activation.Outcome:
        with activation.exclusive(self.application, patience=0):
            todo = activation.plan(
                self.application, desired, activation.live_is_active(self.application)
            )
            return activation.activate(self.application, desired, todo, keep_previous)

    def revert(self, release: str) -> activation.Outcome:
        desired = self.desired()
        return activation.revert(self.application, release, desired.health, desired.secret_names)

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """Do what the real one would, with the same output."""
        words = [word for word in arguments if word not in ("--quiet", systemd.AT_BOOT)]
        verb, units = words[0], [word for word in words[1:] if word.startswith("shop@")]
        if verb == "show":
            state = {"ActiveState": "inactive", "Result": "success", "NRestarts": "0"}
            state |= self.states.get(units[0], {})
            return "".join(f"{name}={value}\n" for name, value in state.items())
        if verb == "is-enabled":
            return "enabled\n" if units[0] in self.enabled else "disabled\n"
        self.calls.append((" ".join(words), self.application.live_slot()))
        if self.failing and " ".join(words).startswith(self.failing) and check:
            raise Refusal(f"systemctl {verb} failed: no such luck")
        for unit in units:
            self._change(verb, unit)
        return ""

    def _change(self, verb: str, unit: str) -> None:
        if verb == "start":
            self.states[unit] = {"ActiveState": "active"}
            if unit.endswith(".service"):
                self._start(self.application.slot(unit[len("shop@") : -len(".service")]))
        elif verb == "stop":
            self.states[unit] = {"ActiveState": "inactive"}
        elif verb == "enable":
            self.enabled.add(unit)
        elif verb == "disable":
            self.enabled.discard(unit)

    def _start(self, slot: Slot) -> None:
        """Serve on the slot's socket, with processes of this one that stand for its workers."""
        self.states[slot.units[1]] = self.started_state | {"MainPID": str(os.getpid())}
        self.stop_workers()
        Path(slot.runtime_directory).mkdir(parents=True, exist_ok=True)
        for status, text in self.worker_answers:
            worker = subprocess.Popen(["sleep", "60"])
            self.workers.append(worker)
            report = Path(slot.runtime_directory, f"worker-{worker.pid}.json")
            report.write_text(json.dumps({"status": status, "answer": text}))
        Path(slot.socket).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(slot.socket)
        listener.listen()
        self.listeners.append(listener)
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                self.requests.append(connection.recv(65536))
                connection.sendall(self.answer)

    def stop_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers.clear()

    def history(self) -> list[tuple[str, str, str]]:
        lines = activations(self.application)
        return [(line["event"], line["release"], line["slot"]) for line in lines]

    def age(self, seconds: int) -> None:
        """Have everything that was noted so far be older."""
        for path in (self.application.activations, rollout.history_path(self.application)):
            if Path(path).exists():
                lines = map(json.loads, Path(path).read_text().splitlines())
                older = [line | {"at": line["at"] - seconds} for line in lines]
                Path(path).write_text("".join(f"{json.dumps(line)}\n" for line in older))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(tmp_path)
    Path(host.application.slot("blue").files["socket"]).parent.mkdir(parents=True)
    monkeypatch.setattr(systemd, "systemctl", host.systemctl)
    monkeypatch.setattr(activation, "verify_units", lambda *_: None)
    monkeypatch.setattr(activation, "POLL_SECONDS", 0.02)
    commands = tmp_path / "bin"
    commands.mkdir()
    journalctl = commands / "journalctl"
    journalctl.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/journalctl\n'
        '[ "$1" = --sync ] || cat <<E\n'
        '{"_PID": "7", "MESSAGE": "starting"}\n'
        '{"_PID": "7", "MESSAGE": "login with s3cret-value: no"}\n'
        "E\n"
    )
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    yield host
    host.stop_workers()
    for listener in host.listeners:
        # shutdown() wakes the thread in accept(), which close() alone would not.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def live(host: Host) -> Host:
    """A host where release 1.0 is live in blue."""
    host.activate(host.desired())
    host.calls.clear()
    host.requests.clear()
    return host


# What is planned


def planned(host: Host, desired: Desired, active: bool = True) -> Plan:
    return activation.plan(host.application, desired, active)


def test_plan_begins_with_blue(host: Host) -> None:
    assert planned(host, host.desired()) == Plan("blue", True, ("no slot is live yet",))


def test_plan_leaves_what_is_as_wanted(live: Host) -> None:
    assert planned(live, live.desired()) == Plan("blue", False, ())


def test_plan_names_a_changed_release_once_though_the_unit_names_it_too(live: Host) -> None:
    assert planned(live, live.desired("1.1")) == Plan("green", True, ("release 1.0 -> 1.1",))


@pytest.mark.parametrize("kind", KINDS)
def test_plan_names_each_changed_file(live: Host, kind: str) -> None:
    desired = live.desired(**{kind: "other\n"})
    assert planned(live, desired) == Plan("green", True, (f"{kind} changed",))


def test_plan_names_all_reasons(live: Host) -> None:
    desired = live.desired(socket="other\n", service="other\n", environment="")
    assert planned(live, desired, active=False).reasons == (
        "socket changed",
        "service changed",
        "environment changed",
        "shop@blue.service is not running",
    )


def test_plan_restarts_in_the_idle_slot_when_asked(live: Host) -> None:
    asked = activation.plan(live.application, live.desired(), True, restart=True)
    assert asked == Plan("green", True, ("a restart was asked for",))


def test_plan_replaces_a_live_slot_that_is_not_running(live: Host) -> None:
    live.states["shop@blue.service"] = {"ActiveState": "failed"}
    active = activation.live_is_active(live.application)
    reasons = ("shop@blue.service is not running",)
    assert planned(live, live.desired(), active) == Plan("green", True, reasons)


def test_plan_replaces_a_live_slot_whose_release_link_is_gone(live: Host) -> None:
    Path(live.application.slot("blue").release_link).unlink()
    assert planned(live, live.desired()).reasons == ("release none -> 1.0",)


def test_live_is_active_is_false_before_the_first_activation(host: Host) -> None:
    assert activation.live_is_active(host.application) is False


# What a diff shows


def test_diff_is_empty_when_nothing_differs(live: Host) -> None:
    assert activation.diff(live.application, live.desired(), "blue") == []


def test_diff_shows_a_changed_file_under_both_paths(live: Host) -> None:
    desired = live.desired(settings="workers = 3\n")
    assert activation.diff(live.application, desired, "green") == [
        {
            "before_header": live.application.slot("blue").files["settings"],
            "after_header": live.application.slot("green").files["settings"],
            "before": "settings of blue\n",
            "after": "workers = 3\n",
        }
    ]


def test_diff_names_changed_variables_and_never_shows_their_values(live: Host) -> None:
    desired = live.desired(environment='COLOR="red"\nNEW="n3w-value"\nTOKEN="0ther-value"\n')
    (shown,) = activation.diff(live.application, desired, "green")
    assert shown["before"] == "COLOR=<hidden>\nTOKEN=<hidden>\n"
    assert shown["after"] == "COLOR=<hidden>\nNEW=<hidden>\nTOKEN=<hidden>\nTOKEN=<changed>\n"


def test_diff_of_the_first_activation_shows_every_file_as_new(host: Host) -> None:
    shown = activation.diff(host.application, host.desired(), "blue")
    assert [Path(part["after_header"]).name for part in shown] == [
        "shop@blue.socket",
        "shop@blue.service",
        "gunicorn.conf.py",
        "draining_worker.py",
        "environment",
    ]
    assert {part["before"] for part in shown} == {""}
    assert "s3cret-value" not in str(shown)


# The order of a cut-over


def test_first_activation_enables_before_it_cuts_over(host: Host) -> None:
    outcome = host.activate(host.desired())

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "blue", None)
    assert [step["step"] for step in outcome.steps] == [
        "free the idle slot",
        "configure",
        "start until healthy",
        "enable",
        "cut over",
    ]
    assert host.calls == [
        ("daemon-reload", None),
        ("reset-failed shop@blue.socket shop@blue.service", None),
        ("start shop@blue.socket", None),
        ("start --no-block shop@blue.service", None),
        ("enable shop@blue.socket shop@blue.service", None),
    ]
    assert Path(host.application.live_link).readlink() == Path(host.application.slot("blue").socket)
    assert host.history() == [("activating", "1.0", "blue"), ("live", "1.0", "blue")]
    assert activations(host.application)[0]["previous"] is None


def test_replacement_touches_the_old_slot_only_after_the_cut_over(live: Host) -> None:
    outcome = live.activate(live.desired("1.1"))

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "green", "blue")
    assert live.calls == [
        ("daemon-reload", "blue"),
        ("reset-failed shop@green.socket shop@green.service", "blue"),
        ("start shop@green.socket", "blue"),
        ("start --no-block shop@green.service", "blue"),
        ("enable shop@green.socket shop@green.service", "blue"),
        ("disable shop@blue.socket shop@blue.service", "green"),
        ("stop --no-block shop@blue.socket shop@blue.service", "green"),
    ]
    assert live.enabled == {"shop@green.socket", "shop@green.service"}
    assert live.history()[2:] == [("activating", "1.1", "green"), ("live", "1.1", "green")]


def test_cut_over_is_noted_with_what_it_replaces_before_it_is_done(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        assert live.history()[-1] == ("activating", "1.1", "green")
        assert activations(live.application)[-1]["previous"] == "blue"
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(activation, "swap", killed)
        # Going back swaps as well.
        patched.setattr(activation, "_go_back", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"


def test_previous_slot_that_is_kept_runs_on_but_not_after_a_reboot(live: Host) -> None:
    live.activate(live.desired("1.1"), keep_previous=True)

    assert live.application.live_slot() == "green"
    assert live.states["shop@blue.service"]["ActiveState"] == "active"
    assert live.states["shop@blue.socket"]["ActiveState"] == "active"
    assert live.enabled == {"shop@green.socket", "shop@green.service"}
    assert not any(call.startswith("stop") for call, _ in live.calls)


def test_previous_slot_that_is_kept_outlives_a_run_without_changes_and_ends_with_settle(
    live: Host,
) -> None:
    live.activate(live.desired("1.1"), keep_previous=True)
    assert live.activate(live.desired("1.1"), keep_previous=True).changed is False
    assert live.states["shop@blue.service"]["ActiveState"] == "active"

    live.calls.clear()
    assert activation.settle(live.application, live.application.slot("green")) is True
    stop = ("stop --no-block shop@blue.socket shop@blue.service", "green")
    assert live.calls == [stop]


def test_idle_slot_that_still_drains_is_waited_for_before_it_is_written(live: Host) -> None:
    live.activate(live.desired("1.1"))
    live.calls.clear()
    live.activate(live.desired("1.2"))
    assert live.calls[:3] == [
        ("disable shop@blue.socket shop@blue.service", "green"),
        ("stop shop@blue.socket shop@blue.service", "green"),
        ("daemon-reload", "green"),
    ]


def test_slot_is_written_with_its_modes_and_a_relative_release_link(host: Host) -> None:
    desired = host.desired()
    host.activate(desired)

    slot = host.application.slot("blue")
    assert slot.contents() == desired.files["blue"]
    modes = {kind: stat.S_IMODE(Path(path).stat().st_mode) for kind, path in slot.files.items()}
    assert modes == dict.fromkeys(KINDS, 0o644) | {"environment": 0o600}
    assert Path(slot.release_link).readlink() == Path("../releases/1.0")
    assert slot.release() == desired.release


def test_health_is_asked_for_as_nginx_would(live: Host) -> None:
    live.activate(live.desired("1.1"))
    (request,) = live.requests
    assert request.startswith(b"GET /healthz HTTP/1.1\r\n")
    assert b"Host: shop.example.com\r\n" in request
    assert b"X-Forwarded-Proto: https\r\n" in request


def test_second_activation_changes_nothing(live: Host) -> None:
    outcome = live.activate(live.desired())
    assert (outcome.changed, outcome.slot, outcome.steps) == (False, "blue", [])
    assert live.calls == []


# What a torn run left


@pytest.mark.parametrize(
    ("enabled", "states", "calls"),
    [
        ({"shop@green.socket"}, {}, ["disable shop@green.socket"]),
        (set(), {"shop@green.service": "deactivating"}, []),
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
                "stop --no-block shop@green.socket shop@green.service",
            ],
        ),
    ],
    ids=["enabled", "draining", "starting", "enabled and listening"],
)
def test_settle_puts_the_idle_slot_away_without_waiting(
    live: Host, enabled: set[str], states: dict[str, str], calls: list[str]
) -> None:
    green = live.application.slot("green")
    activation.configure(green, live.desired())
    live.calls.clear()
    live.enabled |= enabled
    live.states |= {unit: {"ActiveState": state} for unit, state in states.items()}

    changed = activation.settle(live.application, live.application.slot("blue"))

    assert changed == bool(calls)
    assert [call for call, _ in live.calls] == calls


def test_settle_enables_what_a_torn_run_left_disabled(live: Host) -> None:
    live.enabled.clear()
    assert live.activate(live.desired()).changed is True
    assert live.enabled == {"shop@blue.socket", "shop@blue.service"}


# Refusals


def refused(host: Host, desired: Desired) -> str:
    """Return the refusal's message; what was live must still be, and nothing else."""
    before = host.application.live_slot()
    target = "green" if before == "blue" else "blue"
    with pytest.raises(Refusal) as refusal:
        host.activate(desired)
    assert host.application.live_slot() == before
    assert host.states[f"shop@{target}.service"]["ActiveState"] == "inactive"
    assert host.states[f"shop@{target}.socket"]["ActiveState"] == "inactive"
    assert not host.enabled & {f"shop@{target}.socket", f"shop@{target}.service"}
    touched = [call for call, _ in host.calls if before and f"shop@{before}" in call]
    assert touched == []
    assert host.history()[-1] == ("refused", "1.1", target)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (
            {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"},
            "shop@green.service failed at start (exit-code, exit status 3)\n",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"},
            "shop@green.service crashed at start (exit status 1)\n",
        ),
        (
            {"NRestarts": "1", "ExecMainStatus": "9"},
            "shop@green.service crashed at start (exit status 9)\n",
        ),
        (
            {"ActiveState": "activating"},
            "was not healthy within 0.3 s: the service is activating\n",
        ),
    ],
    ids=["failed", "waiting to restart", "restarted", "never ready"],
)
def test_release_that_does_not_come_up_is_refused(
    live: Host, state: dict[str, str], problem: str
) -> None:
    live.started_state |= state
    message = refused(live, live.desired("1.1"))
    assert problem in message
    assert "Release 1.1 was stopped and takes no traffic." in message


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([(200, "")], "1 of 2 workers answered /healthz with 200\n"),
        (
            [(200, ""), (503, "no database")],
            "1 of 2 workers answered /healthz with 200; last answer: 503 no database\n",
        ),
        ([], "0 of 2 workers answered /healthz with 200\n"),
    ],
    ids=["one missing", "one unhealthy", "none"],
)
def test_release_whose_workers_are_not_all_healthy_is_refused(
    live: Host, answers: list[tuple[int, str]], problem: str
) -> None:
    live.worker_answers = answers
    assert problem in refused(live, live.desired("1.1"))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait", "/healthz answered 503: wait\n"),
        (b"", "green.sock did not answer: RemoteDisconnected("),
        (b"SSH-2.0\r\n\r\n", "green.sock did not answer: BadStatusLine("),
    ],
    ids=["unhealthy", "closed", "another protocol"],
)
def test_release_whose_socket_does_not_answer_200_is_refused(
    live: Host, answer: bytes, problem: str
) -> None:
    live.answer = answer
    assert problem in refused(live, live.desired("1.1"))


def test_release_whose_answer_lacks_the_body_is_refused(live: Host) -> None:
    desired = live.desired("1.1")
    wanted = Health("/healthz", "shop.example.com", timeout=0.3, body="shop 1.1")
    lacking = Desired(desired.release, desired.files, wanted, workers=2)
    assert "/healthz answered without 'shop 1.1': ok\n" in refused(live, lacking)


def test_release_that_cannot_be_enabled_is_refused(live: Host) -> None:
    live.failing = "enable shop@green"
    assert refused(live, live.desired("1.1")) == "systemctl enable failed: no such luck"


def test_refused_first_release_leaves_nothing_live(host: Host) -> None:
    host.worker_answers = []
    refused(host, host.desired("1.1"))
    assert not os.path.lexists(host.application.live_link)


def test_refusal_shows_the_journal_without_secrets(live: Host, tmp_path: Path) -> None:
    live.worker_answers = [(500, "the token s3cret-value is refused")]
    message = refused(live, live.desired("1.1"))

    assert "500 the token <TOKEN> is refused" in message
    assert message.endswith("Last lines of its journal:\n  starting\n  login with <TOKEN>: no\n")
    assert "s3cret-value" not in message
    asked = (tmp_path / "journalctl").read_text()
    assert "--unit=shop@green.service --since=@" in asked


def hooked(desired: Desired, **phases: str) -> Desired:
    """Return `desired` with one command for each phase, run as whoever runs the tests."""
    commands = {name: [{"command": text, "timeout": 20}] for name, text in phases.items()}
    user = pwd.getpwuid(os.getuid()).pw_name
    return replace(desired, hooks=activation.Hooks(user=user, **commands))


@pytest.mark.usefixtures("hook_calls")
def test_hook_before_that_fails_starts_nothing(live: Host) -> None:
    message = refused(live, hooked(live.desired("1.1"), before="fail: no disk"))
    assert message == "before_activate: no disk"
    assert live.application.live_slot() == "blue"
    assert not any("start" in call and "green" in call for call, _ in live.calls)


def test_hook_after_that_fails_gives_the_link_back(live: Host, hook_calls: list[str]) -> None:
    message = refused(live, hooked(live.desired("1.1"), after="fail: smoke"))
    assert message == "after_activate: smoke"
    assert hook_calls == ["fail: smoke"]
    assert live.application.live_slot() == "blue"
    assert live.history()[-1] == ("refused", "1.1", "green")


@pytest.mark.usefixtures("hook_calls")
def test_hook_after_that_fails_at_the_first_release_leaves_nothing_live(host: Host) -> None:
    refused(host, hooked(host.desired("1.1"), after="fail: smoke"))
    assert not os.path.lexists(host.application.live_link)


def test_hooks_run_around_the_cut_over(live: Host, hook_calls: list[str]) -> None:
    live.activate(hooked(live.desired("1.1"), before="warm up", after="smoke test"))
    assert hook_calls == ["warm up", "smoke test"]
    assert live.application.live_slot() == "green"


@pytest.fixture
def hook_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hooks that are only noted; one that begins with `fail: ` fails, for the rest of it."""
    calls: list[str] = []

    def run(command: str, *_: object) -> dict[str, object]:
        calls.append(command)
        if command.startswith("fail: "):
            raise RolloutError(command.removeprefix("fail: "))
        return {}

    monkeypatch.setattr(activation, "run_hook", run)
    return calls


def test_release_after_a_refusal_takes_the_same_slot(live: Host) -> None:
    live.worker_answers = []
    refused(live, live.desired("1.1"))
    live.worker_answers = [(200, ""), (200, "")]
    assert live.activate(live.desired("1.2")).slot == "green"
    assert live.history()[-1] == ("live", "1.2", "green")


def test_interrupted_start_is_put_away_and_is_no_refusal(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(activation, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert live.calls[-1] == ("stop shop@green.socket shop@green.service", "blue")
    assert live.history() == [("activating", "1.0", "blue"), ("live", "1.0", "blue")]


def test_units_that_systemd_refuses_stop_before_anything_is_written(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(*_: object) -> None:
        raise Refusal("systemd refuses the unit files")

    monkeypatch.setattr(activation, "verify_units", verify)
    with pytest.raises(Refusal, match="systemd refuses"):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert live.calls == []
    assert set(live.application.slot("green").contents().values()) == {""}


# Putting back


@pytest.fixture
def switched(host: Host) -> Host:
    """A host where a rollout has put 1.1 in green in the place of 1.0 in blue, and goes on."""
    host.activate(host.desired(settings="workers = 2\n"))
    # Those of blue live on; a start replaces what stands in the list.
    blue, host.workers = host.workers, []
    host.activate(host.desired("1.1"), keep_previous=True)
    host.workers += blue
    host.calls.clear()
    return host


def steps(outcome: activation.Outcome) -> list[object]:
    return [step["step"] for step in outcome.steps]


def untouched(host: Host, outcome: activation.Outcome, live: str | None) -> bool:
    """Tell whether a revert has found nothing to do."""
    return (
        (outcome.changed, outcome.slot, outcome.steps) == (False, live or "", [])
        and host.calls == []
        and host.application.live_slot() == live
    )


def test_revert_is_a_rename_while_the_old_slot_still_runs(switched: Host) -> None:
    before = switched.application.slot("blue").contents()
    outcome = switched.revert("1.1")

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "blue", "green")
    assert steps(outcome) == ["enable", "cut over"]
    assert switched.calls == [
        ("enable shop@blue.socket shop@blue.service", "green"),
        ("disable shop@green.socket shop@green.service", "blue"),
        ("stop --no-block shop@green.socket shop@green.service", "blue"),
    ]
    assert switched.enabled == {"shop@blue.socket", "shop@blue.service"}
    assert switched.application.slot("blue").contents() == before
    assert switched.history()[-2:] == [("reverted", "1.1", "green"), ("live", "1.0", "blue")]


def test_revert_twice_reverts_once(switched: Host) -> None:
    switched.revert("1.1")
    switched.calls.clear()
    history = switched.history()
    assert untouched(switched, switched.revert("1.1"), "blue")
    assert switched.history() == history


@pytest.mark.parametrize(
    "state", [{"ActiveState": "inactive"}, {"ActiveState": "failed", "Result": "oom-kill"}]
)
def test_revert_starts_an_old_slot_that_no_longer_runs(
    switched: Host, state: dict[str, str]
) -> None:
    switched.states["shop@blue.service"] = state
    outcome = switched.revert("1.1")

    assert steps(outcome) == ["start until healthy", "enable", "cut over"]
    assert switched.calls[:5] == [
        ("stop shop@blue.socket shop@blue.service", "green"),
        ("reset-failed shop@blue.socket shop@blue.service", "green"),
        ("start shop@blue.socket", "green"),
        ("start --no-block shop@blue.service", "green"),
        ("enable shop@blue.socket shop@blue.service", "green"),
    ]
    assert switched.application.live_slot() == "blue"


def test_revert_starts_an_old_slot_that_lacks_one_of_its_workers(switched: Host) -> None:
    worker = switched.workers.pop()
    worker.kill()
    worker.wait()
    assert "start until healthy" in steps(switched.revert("1.1"))
    assert switched.application.live_slot() == "blue"


def test_revert_that_is_refused_keeps_what_is_live_and_blanks_secrets(switched: Host) -> None:
    switched.states["shop@blue.service"] = {"ActiveState": "inactive"}
    switched.worker_answers = [(500, "the token s3cret-value is refused")]
    history = switched.history()
    with pytest.raises(Refusal) as refusal:
        switched.revert("1.1")

    assert "shop@blue.service was not healthy within 0.3 s" in str(refusal.value)
    assert "<TOKEN>" in str(refusal.value)
    assert "s3cret-value" not in str(refusal.value)
    assert switched.application.live_slot() == "green"
    assert switched.enabled == {"shop@green.socket", "shop@green.service"}
    assert switched.states["shop@blue.service"]["ActiveState"] == "inactive"
    assert switched.states["shop@blue.socket"]["ActiveState"] == "inactive"
    assert not any("green" in call for call, _ in switched.calls)
    assert switched.history() == history


def test_revert_of_a_refused_revert_can_be_tried_again(switched: Host) -> None:
    switched.states["shop@blue.service"] = {"ActiveState": "inactive"}
    switched.worker_answers = []
    with pytest.raises(Refusal):
        switched.revert("1.1")
    switched.worker_answers = [(200, ""), (200, "")]
    assert switched.revert("1.1").slot == "blue"


def test_revert_of_the_first_deployment_leaves_nothing_live(live: Host) -> None:
    outcome = live.revert("1.0")

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "", "blue")
    assert steps(outcome) == ["nothing was live before: stop"]
    assert not os.path.lexists(live.application.live_link)
    # Without the link first: nginx must not be sent to a slot that ends.
    assert live.calls == [
        ("disable shop@blue.socket shop@blue.service", None),
        ("stop shop@blue.socket shop@blue.service", None),
    ]
    assert live.enabled == set()
    assert live.history()[-1] == ("reverted", "1.0", "blue")


def test_revert_after_the_end_of_the_rollout_does_nothing(switched: Host) -> None:
    activation.finish(switched.application, "1.1")
    assert untouched(switched, switched.revert("1.1"), "green")


def test_revert_goes_back_from_a_restart_after_the_end_of_the_rollout(live: Host) -> None:
    activation.finish(live.application, "1.0")
    live.age(60)
    live.activate(live.desired(settings="workers = 3\n"), keep_previous=True)
    assert live.revert("1.0").slot == "blue"


def test_revert_of_a_release_that_is_not_live_does_nothing(switched: Host) -> None:
    assert untouched(switched, switched.revert("1.2"), "green")


def test_revert_of_a_release_that_was_refused_does_nothing(
    live: Host, hook_calls: list[str]
) -> None:
    # Refused after its cut-over, so it was noted as one.
    refused(live, hooked(live.desired("1.1"), after="fail: smoke"))
    assert hook_calls
    live.calls.clear()
    assert untouched(live, live.revert("1.1"), "blue")


def test_revert_of_a_bare_host_does_nothing(host: Host) -> None:
    assert untouched(host, host.revert("1.0"), None)


def test_revert_puts_back_what_a_killed_run_has_switched(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(activation, "_run_hooks", killed)
        patched.setattr(activation, "_go_back", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            live.activate(hooked(live.desired("1.1"), after="smoke test"), keep_previous=True)
    assert live.application.live_slot() == "green"
    assert live.history()[-1] == ("activating", "1.1", "green")
    assert live.revert("1.1").slot == "blue"


def finished_releases(host: Host) -> list[str]:
    return [line["release"] for line in rollout.history(host.application)]


def test_finish_is_not_noted_again_for_a_run_without_changes(live: Host) -> None:
    activation.finish(live.application, "1.0")
    live.age(60)
    live.activate(live.desired())
    activation.finish(live.application, "1.0")
    assert finished_releases(live) == ["1.0"]


def test_finish_is_noted_after_a_restart_of_the_same_release(live: Host) -> None:
    activation.finish(live.application, "1.0")
    live.age(60)
    live.activate(live.desired(settings="workers = 3\n"))
    activation.finish(live.application, "1.0")
    assert finished_releases(live) == ["1.0", "1.0"]


def test_finish_is_noted_for_another_release(live: Host) -> None:
    for release in ("1.0", "1.1", "1.0"):
        activation.finish(live.application, release)
    assert finished_releases(live) == ["1.0", "1.1", "1.0"]


# The single steps


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("ExecStart=/bin/true", None), ("ExecStart=/no/such/program", "is not executable")],
    ids=["accepted", "refused"],
)
def test_verify_units_says_what_systemd_says(
    tmp_path: Path, line: str, complaint: str | None
) -> None:
    slot = Application("shop", str(tmp_path)).slot("blue")
    files = {
        "socket": "[Socket]\nListenStream=/run/shop/blue.sock\n",
        "service": f"[Service]\n{line}\n",
    }
    if complaint is None:
        activation.verify_units(slot, files)
        return
    with pytest.raises(Refusal) as refusal:
        activation.verify_units(slot, files)
    assert str(refusal.value).startswith("systemd refuses the unit files:\n  shop@blue.service: ")
    assert complaint in str(refusal.value)


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
            activation.swap(live.application, live.application.slot(slot))
    stop.set()
    looking.join()
    assert seen - {live.application.slot(slot).socket for slot in SLOTS} == {"to the end"}


def test_swap_replaces_what_a_torn_one_left(live: Host) -> None:
    Path(live.application.live_link + ".new").symlink_to("/nowhere")
    activation.swap(live.application, live.application.slot("green"))
    assert live.application.live_slot() == "green"
    assert not os.path.lexists(live.application.live_link + ".new")


def test_exclusive_refuses_a_second_activation(host: Host) -> None:
    with (
        activation.exclusive(host.application, patience=0),
        pytest.raises(Refusal, match="another activation of shop has been running on this host"),
        activation.exclusive(host.application, patience=0.3),
    ):
        pass
    with activation.exclusive(host.application, patience=0):
        pass


def test_exclusive_waits_for_another_activation(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "RETRY_SECONDS", 0.01)
    first = activation.exclusive(host.application, patience=0)
    first.__enter__()
    ending = threading.Timer(0.1, first.__exit__, (None, None, None))
    ending.start()
    with activation.exclusive(host.application, patience=30):
        assert ending.finished.wait(5)


def test_exclusive_lets_a_timeout_of_the_activation_itself_through(host: Host) -> None:
    with pytest.raises(TimeoutError), activation.exclusive(host.application, patience=0):
        raise TimeoutError


def test_children_are_found_whatever_they_call_themselves(tmp_path: Path) -> None:
    program = os.fsencode(tmp_path) + b"/) \xff 1 ("
    shutil.copy(os.fsencode(shutil.which("sleep") or ""), program)
    child = subprocess.Popen([program, "60"])
    try:
        assert child.pid in health.children(os.getpid())
        assert health.children(child.pid) == []
    finally:
        child.kill()
        child.wait()


def test_worker_reports_of_dead_workers_do_not_count(host: Host) -> None:
    slot = host.application.slot("blue")
    Path(slot.runtime_directory).mkdir(parents=True)
    Path(slot.runtime_directory, "worker-1.json").write_text('{"status": 200, "answer": ""}')
    assert health.worker_reports(slot, os.getpid()) == {}


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of systemctl: prints its arguments, and fails when asked to."""
    program = tmp_path / "systemctl"
    program.write_text(
        '#!/bin/sh\n[ "$1" != fail ] || { echo "Unit $2 not found." >&2; exit 5; }\n'
        'if [ "$1" = show ]; then printf "MainPID=7\\nResult=exit=code\\n"; else echo "$@"; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return program


@pytest.mark.usefixtures("systemctl")
def test_systemctl_refuses_with_its_own_words() -> None:
    assert systemd.systemctl("start", "a.service") == "start a.service\n"
    assert systemd.systemctl("fail", "a.service", check=False) == ""
    with pytest.raises(
        Refusal, match=r"^systemctl fail a\.service failed: Unit a\.service not found\.$"
    ):
        systemd.systemctl("fail", "a.service")


@pytest.mark.usefixtures("systemctl")
def test_show_returns_every_property_that_decides_something() -> None:
    assert systemd.show("a.service") == {
        "ActiveState": "",
        "SubState": "",
        "Result": "exit=code",
        "MainPID": "7",
        "NRestarts": "",
        "ExecMainStatus": "",
    }
