"""What of a journal is shown when a release is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import journal
from ansible_collections.asgi.fleet.plugins.module_utils.host.journal import (
    matching,
    message_text,
    tail,
    telling,
)

MASTER = [
    {"_PID": "10", "MESSAGE": "[2026-11-21 07:06:48 +0000] [10] [INFO] Starting gunicorn 27.0.1"},
    {"_PID": "10", "MESSAGE": "Traceback (most recent call last):"},
    {"_PID": "10", "MESSAGE": '  File "gunicorn/arbiter.py", line 270, in run'},
    {"_PID": "10", "MESSAGE": "[2026-11-21 07:06:49 +0000] [10] [ERROR] Worker failed to boot."},
]
WORKER = [
    {"_PID": "11", "MESSAGE": "Traceback (most recent call last):"},
    {"_PID": "11", "MESSAGE": "RuntimeError: the search index is gone"},
]


@pytest.mark.parametrize(
    ("entries", "shown"),
    [
        ([], []),
        (
            MASTER[:2] + WORKER + MASTER[2:],
            [MASTER[0], *WORKER, MASTER[3]],
        ),
        # Nothing says who the master is: everything is shown.
        (WORKER, WORKER),
    ],
)
def test_telling_leaves_out_the_masters_own_traceback(
    entries: list[dict[str, Any]], shown: list[dict[str, Any]]
) -> None:
    assert telling(entries) == [entry["MESSAGE"] for entry in shown]


def test_telling_reads_what_is_not_text() -> None:
    assert telling([{"_PID": "11", "MESSAGE": [103, 111, 255]}, {"_PID": "11"}]) == ["go\ufffd", ""]
    # A field that was given twice.
    assert telling([{"_PID": "11", "MESSAGE": ["one", [116, 119, 111]]}]) == ["one\ntwo"]


def test_tail_shows_what_steers_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"_PID": "1", "MESSAGE": "a\x1b[2Jb\u2028c"}
    program(tmp_path, monkeypatch, f"echo '{json.dumps(entry, ensure_ascii=False)}'")
    assert tail("shop@blue.service", 0) == "a\\x1b[2Jb\\u2028c"


def test_tail_gives_a_flooded_journal_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "PATIENCE_SECONDS", 0.1)
    program(tmp_path, monkeypatch, "exec sleep 60")
    assert tail("shop@blue.service", 0) == "(the journal could not be read within 0.1 s)"


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have journalctl be a script."""
    path = folder / "journalctl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_matching_lines_are_asked_of_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = json.dumps({"MESSAGE": "a\x1bb"})
    program(tmp_path, monkeypatch, f"echo \"$@\" >>{tmp_path}/asked; echo '{entry}'")
    assert matching("shop@blue.service", 7, "a|b") == ["a\\x1bb"]
    asked = (tmp_path / "asked").read_text()
    assert (
        "--lines=1000 --unit=shop@blue.service --since=@7 --grep=a|b --case-sensitive=no" in asked
    )


#: As journalctl(1) has it: what is larger than 4096 bytes is null, unless all is asked for.
LONG = """
case " $* " in
    *" --all "*) printf '{"MESSAGE":"%05000d"}\\n' 7 ;;
    *) echo '{"MESSAGE":null}' ;;
esac
"""


def test_long_message_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, monkeypatch, LONG)
    [line] = matching("shop@blue.service", 0, "x")
    assert (len(line), line[-1]) == (5000, "7")
    assert tail("shop@blue.service", 0) == line


@pytest.mark.parametrize("script", ["echo no JSON", "exec sleep 60", "exit 1"])
def test_journal_that_cannot_be_read_matches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(journal, "PATIENCE_SECONDS", 0.1)
    program(tmp_path, monkeypatch, script)
    assert matching("shop@blue.service", 0, "x") == []


def logged(message: str, **more: object) -> str:
    """Return a line as json_logs.py of the role gunicorn_service writes it."""
    told = {"level": "ERROR", "logger": "shop", "message": message, "release": "1", "slot": "blue"}
    return json.dumps({"time": "2026-11-28T16:00:00.062Z", **told, **more})


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (logged("no stock"), "[ERROR] shop: no stock"),
        (logged("failed\n", request_id="a1"), "[ERROR] shop: failed (request a1)"),
        (
            logged("two\nlines", request_id="a1", extra={"user": 7, "of": "é"}),
            '[ERROR] shop: two\nlines (request a1) {"user": 7, "of": "é"}',
        ),
        (
            logged("failed", exception="Traceback:\n  x\nKeyError: 'a'", stack="Stack:\n  y"),
            "[ERROR] shop: failed\nTraceback:\n  x\nKeyError: 'a'\nStack:\n  y",
        ),
        # What an application writes itself, and what was divided.
        ('{"time": "now", "message": "mine"}', '{"time": "now", "message": "mine"}'),
        (logged("x" * 9)[:60], logged("x" * 9)[:60]),
        ('{"time": "now"', '{"time": "now"'),
    ],
)
def test_line_of_json_is_shown_as_people_read_it(line: str, shown: str) -> None:
    assert message_text(line) == shown


def test_line_of_json_steers_no_terminal() -> None:
    assert "\x1b" not in message_text(logged("\x1b[2J"))


def test_traceback_of_gunicorns_master_is_left_out_of_json_too() -> None:
    entries = [
        {"_PID": "1", "MESSAGE": logged("Starting gunicorn 27.0.1")},
        {"_PID": "2", "MESSAGE": logged("Exception in worker", exception="Traceback:\n  of it")},
        {"_PID": "1", "MESSAGE": logged("Unhandled exception", exception="Traceback:\n  own")},
    ]
    assert telling(entries) == [
        "[ERROR] shop: Starting gunicorn 27.0.1",
        "[ERROR] shop: Exception in worker\nTraceback:\n  of it",
        "[ERROR] shop: Unhandled exception",
    ]
