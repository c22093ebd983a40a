"""A host whose systemd is played by an object, for the tests of what happens to its slots.

It keeps the states of units and answers over real unix sockets; that the real systemd does as it is
told is shown by the molecule scenarios.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.history import activations
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
    Slot,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import Process
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    PARENTS,
    claim,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import activation, cut_over, reversal
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import (
    CutOver,
    Desired,
    Hooks,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health

KINDS = (
    *("socket", "service", "settings", "worker", "master", "counts", "logs", "environment"),
    "timers",
)
HEADER = "# shop: Written by asgi.fleet\n"
ENVIRONMENT = 'TOKEN="s3cret-value"\nCOLOR="red"\n'


class Host:
    """A host with an application, whose systemd is this object."""

    def __init__(self, root: Path) -> None:
        self.application = Application("shop", str(root))
        claim(self.application, parents=PARENTS)
        #: Each changing call, with the slot that was live when it came.
        self.calls: list[tuple[str, str | None]] = []
        self.states: dict[str, dict[str, str]] = {}
        self.enabled: set[str] = set()
        #: The unit files and what is enabled, as systemd read them last.
        self.read_by_systemd = self._units()
        #: What the next start leads to; the defaults are those of a healthy release.
        self.started_state = {"ActiveState": "active", "SubState": "running", "Result": "success"}
        #: What the next start of a process leads to, by its unit.
        self.process_states: dict[str, dict[str, str]] = {}
        self.worker_answers = [(200, "ok"), (200, "ok")]
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.failing = ""
        self.requests: list[bytes] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.listeners: list[socket.socket] = []

    def desired(self, release: str = "1.0", **files: str) -> Desired:
        """Return a release with its files; `files` change both slots' version of a kind."""
        both = {
            slot: {kind: f"{HEADER}{kind} of {slot}\n" for kind in KINDS}
            | {"environment": ENVIRONMENT, "service": f"{HEADER}{slot} runs {release}\n"}
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

    def activate(self, desired: Desired, keep_previous: bool = False) -> CutOver:
        with cut_over.exclusive(self.application, patience=0):
            todo = activation.plan(
                self.application, desired, activation.live_is_active(self.application)
            )
            return activation.activate(self.application, desired, todo, keep_previous)

    def revert(self, release: str) -> CutOver:
        desired = self.desired()
        return reversal.revert(self.application, release, desired.health, desired.secret_names)

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """Do what the real one would, with the same output."""
        words = [word for word in arguments if word not in ("--quiet", systemd.WITHOUT_RELOAD)]
        reloads = systemd.WITHOUT_RELOAD not in arguments
        verb = words[0]
        units = [word for word in words[1:] if word.startswith(("shop@", "shop-backup."))]
        if verb == "show":
            return "\n".join(map(self._shown, units))
        if verb == "is-enabled":
            answers = ("enabled" if unit in self.enabled else "disabled" for unit in units)
            return "".join(f"{answer}\n" for answer in answers)
        self.calls.append((" ".join(words), self.application.live_slot()))
        if self.failing and " ".join(words).startswith(self.failing) and check:
            raise Refusal(f"systemctl {verb} failed: no such luck")
        for unit in units:
            self._change(verb, unit)
        if verb == "daemon-reload" or (verb in ("enable", "disable") and reloads):
            self.read_by_systemd = self._units()
        return ""

    def _shown(self, unit: str) -> str:
        state = {"Id": unit, "ActiveState": "inactive", "Result": "success", "NRestarts": "0"}
        state["UnitFileState"] = "enabled" if unit in self.enabled else "disabled"
        state |= self.states.get(unit, {})
        return "".join(f"{name}={value}\n" for name, value in state.items())

    def _units(self) -> tuple[object, ...]:
        folder = Path(self.application.slot("blue").files["socket"]).parent
        paths = sorted(folder.rglob("*"))
        return (
            *((path, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths),
            *sorted(self.enabled),
        )

    def changed_on_disk(self) -> bool:
        """Tell whether `systemctl status` would warn that units have changed on disk."""
        return self.read_by_systemd != self._units()

    def reloads(self) -> list[str | None]:
        """Return the slot that was live at each daemon-reload."""
        return [live for call, live in self.calls if call == "daemon-reload"]

    def _change(self, verb: str, unit: str) -> None:
        if verb in ("start", "restart"):
            self.states[unit] = {"ActiveState": "active"}
            if re.search(r"-\d+\.service", unit):
                self.states[unit] = dict(self.process_states.get(unit, {"ActiveState": "active"}))
            elif unit in (slot.units[1] for slot in map(self.application.slot, SLOTS)):
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
        return [(line.event, line.release, line.slot) for line in lines]

    def age(self, seconds: int) -> None:
        """Have everything that was noted so far be older."""
        for path in (self.application.activations, self.application.rollouts):
            if Path(path).exists():
                lines = map(json.loads, Path(path).read_text().splitlines())
                older = [line | {"at": line["at"] - seconds} for line in lines]
                Path(path).write_text("".join(f"{json.dumps(line)}\n" for line in older))


def make_release(shop: Application, name: str, **manifest: object) -> Path:
    """Make a complete release with its manifest; return its folder."""
    folder = Path(shop.releases, name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def with_processes(desired: Desired, *processes: Process, text: str = "") -> Desired:
    """Return `desired` with processes, whose units name their release."""
    files = {
        slot: {
            one.name: f"{HEADER}{one.name} in {slot} of {desired.release} {text}\n"
            for one in processes
        }
        for slot in SLOTS
    }
    return replace(desired, processes=processes, process_files=files)


def hooked(desired: Desired, **phases: str) -> Desired:
    """Return `desired` with one command for each phase, run as whoever runs the tests."""
    commands = {name: [{"command": text, "timeout": 20}] for name, text in phases.items()}
    user = pwd.getpwuid(os.getuid()).pw_name
    hooks = Hooks(user, commands.get("before", ()), commands.get("after", ()))
    return replace(desired, hooks=hooks)


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
    assert not host.changed_on_disk()
    return str(refusal.value)
