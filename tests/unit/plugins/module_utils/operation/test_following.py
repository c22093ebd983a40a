"""What is shown of a command on a host, how it ended, and that a lost answer is not lost.

What systemd makes of it is tested on real hosts (molecule/commands/test_run.py).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.operation import commands, following
from ansible_collections.asgi.fleet.plugins.module_utils.operation.command_end import End
from ansible_collections.asgi.fleet.plugins.module_utils.operation.commands import CommandError

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
        return following.follow(self.application, ID, position)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    run = Run(tmp_path)
    monkeypatch.setattr(commands, "RUNTIME", str(tmp_path))
    monkeypatch.setattr(following, "LONGEST_CALL", 0.2)
    monkeypatch.setattr(following, "SHORTEST_CALL", 0.05)
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(following, "STOP_SECONDS", 0.1)
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
    monkeypatch.setattr(following, "CHUNK_BYTES", 400)
    monkeypatch.setattr(following, "MARGIN", 40)
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
        following.follow(run.application, "00000000", 0)


def test_run_whose_keeper_is_gone_is_forgotten(run: Run) -> None:
    run.keeper = "failed"
    with pytest.raises(CommandError, match="no longer on this host"):
        run.follow()
    assert not run.folder.exists()


def test_controller_that_is_gone_stops_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise ControllerGone

    monkeypatch.setattr(following, "require_controller", gone)
    with pytest.raises(ControllerGone):
        run.follow()
    assert ("stop", f"asgi-fleet-shop-run-{ID}.service") in run.calls
    assert not run.folder.exists()


def test_stop_stops_both_units_and_removes_the_folder(run: Run) -> None:
    assert following.stop(run.application, ID) is None
    unit = f"asgi-fleet-shop-run-{ID}"
    assert [call for call in run.calls if call[0] == "stop"] == [
        ("stop", f"{unit}.service"),
        ("stop", f"{unit}-keeper.service"),
    ]
    assert not run.folder.exists()
    assert following.stop(run.application, ID) is None


def test_stop_after_the_end_tells_the_end(run: Run) -> None:
    run.ends()
    assert following.stop(run.application, ID) == End(0, "", 12.3)


@pytest.mark.parametrize("identifier", ["", "5f3a09c", "../../etc", "5F3A09C1", "5f3a09c1/x"])
def test_id_is_no_path(run: Run, identifier: str) -> None:
    with pytest.raises(CommandError, match="expected eight of 0-9 and a-f"):
        following.stop(run.application, identifier)
