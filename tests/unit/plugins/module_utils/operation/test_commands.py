"""A command on a host: what is shown of it, how it ended, and that a lost answer is not lost.

What systemd makes of it is tested on real hosts (molecule/commands/test_run.py).
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import syslog
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.operation import commands
from ansible_collections.asgi.fleet.plugins.module_utils.operation.commands import (
    CommandError,
    End,
    Request,
    end_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox

ID = "5f3a09c1"
SECRET = "s3cret-of-the-shop"
SUCCESS = {"load": "loaded", "result": "success", "code": "1", "status": "0", "reason": ""}


class Run:
    """A run on this machine: its folder as `start` makes it, and a pipe that a test writes."""

    def __init__(self, root: Path) -> None:
        self.application = Application("shop", str(root))
        self.folder = root / f"asgi-fleet-shop-run-{ID}"
        self.folder.mkdir()
        self.calls: list[tuple[str, ...]] = []
        self.keeper = "active"
        output = self.folder / "output"
        os.mkfifo(output)
        # As the keeper does: so it is never at its end.
        self.pipe = os.open(output, os.O_RDWR | os.O_NONBLOCK)
        (self.folder / "secrets").write_text(json.dumps([{"TOKEN": SECRET}, ["TOKEN"]]))
        (self.folder / "began").write_text("1000 60")

    def prints(self, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        assert os.write(self.pipe, data) == len(data)

    def ends(self, **noted: object) -> None:
        (self.folder / "ended").write_text(json.dumps({**SUCCESS, "at": 1012.34, **noted}))

    def systemctl(self, *arguments: str, **_options: bool) -> str:
        self.calls.append(arguments)
        return ""

    def follow(self, position: int = 0) -> dict[str, Any]:
        return commands.follow(self.application, ID, position)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    run = Run(tmp_path)
    monkeypatch.setattr(commands, "RUNTIME", str(tmp_path))
    monkeypatch.setattr(commands, "LONGEST_CALL", 0.2)
    monkeypatch.setattr(commands, "SHORTEST_CALL", 0.05)
    monkeypatch.setattr(commands, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(commands, "STOP_SECONDS", 0.1)
    monkeypatch.setattr(systemd, "systemctl", run.systemctl)
    monkeypatch.setattr(systemd, "show", lambda _unit: {"ActiveState": run.keeper})
    yield run
    os.close(run.pipe)


# What is shown


def test_whole_lines_are_shown_while_it_runs(run: Run) -> None:
    run.prints("one\ntwo\nthr")
    assert run.follow() == {"text": "one\ntwo\n", "position": 1, "end": None}
    run.prints("ee\n")
    assert run.follow(1)["text"] == "three\n"


def test_silent_command_answers_after_a_while(run: Run) -> None:
    began = time.monotonic()
    assert run.follow() == {"text": "", "position": 1, "end": None}
    assert time.monotonic() - began >= 0.2


def test_secret_that_comes_in_two_parts_is_hidden(run: Run) -> None:
    run.prints(f"a\ntoken {SECRET[:7]}")
    first = run.follow()
    run.prints(f"{SECRET[7:]} b\n")
    second = run.follow(1)
    assert first["text"] == "a\n"
    assert second["text"] == "token <TOKEN> b\n"


def test_secret_at_the_end_without_a_new_line_is_hidden(run: Run) -> None:
    run.prints(SECRET)
    assert run.follow()["text"] == ""
    run.ends()
    assert run.follow(1)["text"] == "<TOKEN>"


@pytest.mark.parametrize("before", [0, 5, 11, 17])
def test_secret_across_the_cut_of_an_endless_line_is_hidden(
    run: Run, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(commands, "CHUNK_BYTES", 400)
    monkeypatch.setattr(commands, "MARGIN", 40)
    # The first cut that is tried is 40 bytes before the end.
    text = "." * (480 - 40 - before) + SECRET
    run.prints(text + "." * (480 - len(text)))
    told = "".join(run.follow(position)["text"] for position in range(2))
    run.ends()
    told += run.follow(2)["text"]
    assert told.count("<TOKEN>") == 1
    assert SECRET[:4] not in told
    assert SECRET[-4:] not in told
    assert told.count(".") == 480 - len(SECRET)


def test_terminal_is_not_steered(run: Run) -> None:
    run.prints(b"\x1b[2Jred\r\n10 %\r20 %\r\xff\n")
    assert run.follow()["text"] == "\\x1b[2Jred\n10 %\n20 %\n\ufffd\n"


def test_answer_that_was_lost_comes_again(run: Run) -> None:
    run.prints("one\n")
    first = run.follow()
    run.prints("two\n")
    assert run.follow() == first
    assert run.follow(1)["text"] == "two\n"


def test_each_call_renews_the_lease(run: Run) -> None:
    run.follow()
    assert (run.folder / "lease").exists()


# Its end


def test_end_comes_with_the_last_lines(run: Run) -> None:
    run.prints("last")
    run.ends(result="exit-code", status="3")
    answer = run.follow()
    assert answer["text"] == "last"
    assert answer["end"] == {"status": 3, "problem": "exit status 3", "seconds": 12.3}


def test_run_that_is_not_there_is_told(run: Run) -> None:
    with pytest.raises(CommandError, match=r"the command 00000000 is no longer on this host"):
        commands.follow(run.application, "00000000", 0)


def test_run_whose_keeper_is_gone_is_forgotten(run: Run) -> None:
    run.keeper = "failed"
    with pytest.raises(CommandError, match="no longer on this host"):
        run.follow()
    assert not run.folder.exists()


def test_controller_that_is_gone_stops_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise ControllerGone

    monkeypatch.setattr(commands, "require_controller", gone)
    with pytest.raises(ControllerGone):
        run.follow()
    assert ("stop", f"asgi-fleet-shop-run-{ID}.service") in run.calls
    assert not run.folder.exists()


def test_stop_stops_both_units_and_removes_the_folder(run: Run) -> None:
    assert commands.stop(run.application, ID) is None
    unit = f"asgi-fleet-shop-run-{ID}"
    assert [call for call in run.calls if call[0] == "stop"] == [
        ("stop", f"{unit}.service"),
        ("stop", f"{unit}-keeper.service"),
    ]
    assert not run.folder.exists()
    assert commands.stop(run.application, ID) is None


def test_stop_after_the_end_tells_the_end(run: Run) -> None:
    run.ends()
    assert commands.stop(run.application, ID) == End(0, "", 12.3)


@pytest.mark.parametrize("identifier", ["", "5f3a09c", "../../etc", "5F3A09C1", "5f3a09c1/x"])
def test_id_is_no_path(run: Run, identifier: str) -> None:
    with pytest.raises(CommandError, match="expected eight of 0-9 and a-f"):
        commands.stop(run.application, identifier)


@pytest.mark.parametrize(
    ("noted", "seconds", "status", "problem"),
    [
        ({}, 1.0, 0, ""),
        ({"result": "exit-code", "status": "3"}, 1.0, 3, "exit status 3"),
        ({"result": "exit-code", "status": "127"}, 1.0, 127, "exit status 127"),
        (
            {"result": "signal", "code": "2", "status": "9"},
            1.0,
            137,
            "it was killed by signal 9",
        ),
        (
            {"result": "oom-kill", "code": "2", "status": "9"},
            1.0,
            137,
            "it was killed because it used more memory than it may",
        ),
        (
            {"result": "timeout", "code": "2", "status": "15"},
            60.1,
            124,
            "it did not end within 60 s and was killed; give it longer: -e run_seconds=...",
        ),
        # It ended in time, and what it had started did not heed SIGTERM.
        ({"result": "timeout", "status": "0"}, 5.0, 0, ""),
        ({"result": "timeout", "status": "4"}, 5.0, 4, "exit status 4"),
        ({"reason": "interrupted", "result": "signal"}, 1.0, 130, "it was interrupted"),
        (
            {"reason": "gone", "result": "signal"},
            1.0,
            130,
            "its controller was gone, so the host stopped it",
        ),
        ({"load": "not-found", "code": ""}, 0.0, 125, "systemd did not start it: no bus"),
        ({"result": "resources", "code": "0"}, 0.0, 125, "systemd did not start it: no bus"),
    ],
)
def test_end_is_told_as_a_shell_tells_it(
    noted: dict[str, str], seconds: float, status: int, problem: str
) -> None:
    assert end_of(SUCCESS | noted, seconds, 60, "no bus") == End(status, problem, seconds)


# Its start


def live_release(root: Path) -> str:
    """Have 1.1 live in blue, with a secret and a public value in its environment."""
    shop = Application("shop", str(root))
    slot = shop.slot("blue")
    release = root / "opt/shop/releases/1.1"
    (release / "src").mkdir(parents=True)
    for link, target in ((shop.live_link, slot.socket), (slot.release_link, str(release))):
        Path(link).parent.mkdir(parents=True)
        Path(link).symlink_to(target)
    environment = Path(slot.files["environment"])
    environment.parent.mkdir(parents=True)
    environment.write_text(f'TOKEN="{SECRET}"\nGREETING="hello-there"\n')
    return str(release)


def test_nothing_live_is_told(run: Run) -> None:
    with pytest.raises(CommandError, match=r"shop has no live release on this host; expected one"):
        commands.live(run.application)


def test_live_slot_is_found_with_its_account(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = live_release(tmp_path)
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=shop-runner\n")
    found = commands.live(run.application)
    assert (found.slot.slot, found.release, found.user) == ("blue", release, "shop-runner")


def test_unit_without_an_account_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_release(tmp_path)
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=\n")
    with pytest.raises(CommandError, match=r"shop@blue.service names no account"):
        commands.live(run.application)


class Account:
    """What pwd(5) has of the service's account."""

    pw_uid = 4321


@pytest.fixture
def started(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Start a command with a secret in it, and return what would start its keeper."""
    live_release(tmp_path)
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=shop-runner\n")
    monkeypatch.setattr(commands, "open_places", lambda *_: [])
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(pwd, "getpwnam", lambda _name: Account())
    monkeypatch.setattr(syslog, "syslog", lambda *_: None)
    monkeypatch.setattr(commands, "_run", lambda *call: calls.append(call))
    request = Request(
        "00c0ffee",
        ["echo", SECRET, "hello-there"],
        "ada@laptop",
        60,
        Sandbox(),
        "50%",
        ["GREETING"],
    )
    commands.start(run.application, request)
    return calls


@pytest.mark.usefixtures("started")
def test_command_is_recorded_without_its_secret(run: Run) -> None:
    (line,) = Path(run.application.commands).read_text().splitlines()
    noted = json.loads(line)
    assert noted["command"] == "echo <TOKEN> hello-there"
    assert SECRET not in line
    assert "hello-there" in line
    assert (noted["who"], noted["release"], noted["id"]) == ("ada@laptop", "1.1", "00c0ffee")


def test_secrets_of_a_run_are_for_root_alone(started: list[tuple[str, ...]], run: Run) -> None:
    folder = run.folder.with_name("asgi-fleet-shop-run-00c0ffee")
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("environment", "secrets", "keeper", "output"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    # What ps(1) shows to everybody.
    assert SECRET not in " ".join(map(" ".join, started))


@pytest.mark.usefixtures("started")
def test_keeper_is_a_script_that_a_shell_can_read(run: Run) -> None:
    folder = run.folder.with_name("asgi-fleet-shop-run-00c0ffee")
    subprocess.run(["sh", "-n", folder / "keeper"], check=True)
    text = (folder / "keeper").read_text()
    assert "--property=BindsTo=asgi-fleet-shop-run-00c0ffee-keeper.service" in text
    assert "--property=MemoryMax=50%" in text


def test_nothing_is_left_of_what_did_not_start(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_release(tmp_path)
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=nobody-here\n")
    monkeypatch.setattr(commands, "open_places", lambda *_: [])
    with pytest.raises(KeyError):
        commands.start(run.application, Request("00c0ffee", ["true"], "ada", 60, Sandbox()))
    assert not run.folder.with_name("asgi-fleet-shop-run-00c0ffee").exists()
