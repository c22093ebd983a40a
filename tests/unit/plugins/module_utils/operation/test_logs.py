"""The logs of one host: which lines are an application's, of which release, and where to go on."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.operation import logs
from ansible_collections.asgi.fleet.plugins.module_utils.operation.logs import (
    Answer,
    LogsError,
    Position,
    Question,
    Reader,
    request_text,
)

SECRET = "s3cret-of-the-shop"


class Machine:
    """A host with a journal that a test writes, and an access log."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.application = Application("shop", str(root))
        self.log = root / "shop.log"
        self.journal = root / "journal"
        self.journal.write_text("")
        self.told = root / "calls"
        self.status = root / "status"
        self.status.write_text("0")
        program = root / "bin" / "journalctl"
        program.parent.mkdir()
        # With --lines=1 it is asked for the newest entry; what follows is read to its end here.
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{self.told}\n'
            f'case " $* " in *" --lines=1 "*) tail -n 1 {self.journal} ;; *) cat {self.journal};; '
            f"esac\necho broken >&2\nexit $(cat {self.status})\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        environment = Path(self.application.slot("blue").files["environment"])
        environment.parent.mkdir(parents=True)
        environment.write_text(f'TOKEN="{SECRET}"\nGREETING="hello-there"\n')
        Path(self.application.activations).parent.mkdir(parents=True)

    def entry(self, message: object, at: float = 100.0, **more: object) -> None:
        """Write an entry of the journal, of the service in blue if nothing else is given."""
        entry = {
            "__CURSOR": f"c{at}",
            "__REALTIME_TIMESTAMP": str(int(at * 1_000_000)),
            "_SYSTEMD_UNIT": "shop@blue.service",
            "_PID": "7",
            "MESSAGE": message,
        } | more
        with self.journal.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def request(self, path: str, at: float = 100.0) -> None:
        with self.log.open("ab") as file:
            file.write(request_line(path, at) + b"\n")

    def live(self, *releases: tuple[float, str, str]) -> None:
        lines = [
            {"event": "live", "release": release, "slot": slot, "at": int(at), "moment": at}
            for at, release, slot in releases
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        Path(self.application.activations).write_text(text)

    def reader(self, **question: object) -> Reader:
        asked = replace(Question(0.0, log=str(self.log)), **question)  # type: ignore[arg-type]
        return Reader(self.application, asked, ["GREETING"])

    def read(self, **question: object) -> Answer:
        return self.reader(**question).read()

    def texts(self, **question: object) -> list[str]:
        return [text for _moment, _source, text in self.read(**question).lines]


def request_line(path: str = "/", at: float = 100.0) -> bytes:
    entry = {
        "msec": f"{at:.3f}",
        "status": "200",
        "method": "GET",
        "path": path,
        "request_time": "0.012",
        "client": "192.0.2.7",
        "request_id": "0" * 32,
    }
    # As nginx writes it, without spaces.
    return json.dumps(entry, separators=(",", ":")).encode()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(logs, "COLLECT_SECONDS", 0.1)
    return Machine(tmp_path)


def test_request_is_a_line_for_people() -> None:
    assert request_text(request_line("/cart")) == f"200 GET /cart 12 ms 192.0.2.7 {'0' * 32}"


@pytest.mark.parametrize("line", [b"", b"127.0.0.1 - - GET /", b"[]", b'{"status": 200}', b"\xff"])
def test_line_of_another_kind_is_none(line: bytes) -> None:
    assert request_text(line) == ""


def test_both_logs_come_in_order_of_time(machine: Machine) -> None:
    machine.entry("first", 10.0)
    machine.request("/second", 10.5)
    machine.entry("third", 11.0)
    answer = machine.read()
    assert [(moment, source) for moment, source, _text in answer.lines] == [
        (10.0, "journal"),
        (10.5, "access"),
        (11.0, "journal"),
    ]
    assert answer.lines[0][2] == "blue: first"
    assert answer.left_out == 0


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("shop@green.service", "green"),
        ("shop@blue.socket", "blue"),
        ("asgi-fleet-shop-build.service", "build"),
        ("asgi-fleet-shop-hook.service", "hook"),
        ("asgi-fleet-shop-run-5f3a09c1.service", "run-5f3a09c1"),
        ("shop-certificate.service", "certificate"),
    ],
)
def test_line_says_which_unit_it_is_of(machine: Machine, unit: str, name: str) -> None:
    machine.entry("hello", _SYSTEMD_UNIT=unit)
    assert machine.texts(source="journal") == [f"{name}: hello"]


@pytest.mark.parametrize(
    "unit", ["shop2@blue.service", "asgi-fleet-shop2-build.service", "shop@red.service", ""]
)
def test_unit_of_somebody_else_is_left_out(machine: Machine, unit: str) -> None:
    machine.entry("hello", _SYSTEMD_UNIT=unit)
    assert machine.texts() == []


def test_what_systemd_says_of_a_unit_is_its_line(machine: Machine) -> None:
    machine.entry("Started", _SYSTEMD_UNIT="init.scope", UNIT="shop@blue.service", _PID="1")
    assert machine.texts() == ["blue: Started"]


def test_secret_is_hidden_and_the_terminal_is_not_steered(machine: Machine) -> None:
    machine.entry(f"token {SECRET} hello-there \x1b[2J")
    machine.request(f"/{SECRET}", 101.0)
    journal, access = machine.texts()
    assert journal == "blue: token <TOKEN> hello-there \\x1b[2J"
    assert " /<TOKEN> " in access


def test_message_of_several_lines_is_searched_line_by_line(machine: Machine) -> None:
    machine.entry("Traceback:\n  KeyError")
    assert machine.texts(source="journal") == ["blue: Traceback:", "blue:   KeyError"]
    assert machine.texts(source="journal", grep="Key") == ["blue:   KeyError"]


def test_process_has_its_own_lines_and_no_request(machine: Machine) -> None:
    machine.entry("started", 101, _SYSTEMD_UNIT="shop@blue-worker-2.service")
    machine.entry("other", 102, _SYSTEMD_UNIT="shop@blue-worker-bee-1.service")
    machine.entry("web", 103)
    machine.request("/", 104)
    assert machine.texts(process="worker") == ["blue worker-2: started"]
    assert len(machine.texts()) == 4


def test_timer_has_its_own_lines_and_no_request(machine: Machine) -> None:
    machine.entry("of the web")
    machine.entry("counted", _SYSTEMD_UNIT="shop@timer-report.service")
    machine.entry("of another", _SYSTEMD_UNIT="shop@timer-report-2.service")
    machine.request("/")
    assert machine.texts(timer="report") == ["timer-report: counted"]
    assert machine.texts(timer="timer-report") == []


def test_source_and_pattern_choose(machine: Machine) -> None:
    machine.entry("an ERROR")
    machine.request("/ERROR", 101.0)
    machine.request("/fine", 102.0)
    assert len(machine.texts(grep="ERROR")) == 2
    assert machine.texts(source="journal") == ["blue: an ERROR"]
    assert len(machine.texts(source="access")) == 2


def test_pattern_that_this_python_does_not_know_is_refused(machine: Machine) -> None:
    with pytest.raises(LogsError, match=r"logs_grep is \( \("):
        machine.reader(grep="(")


def test_last_lines_are_kept_and_the_others_counted(machine: Machine) -> None:
    for number in range(5):
        machine.request(f"/{number}", 100.0 + number)
    answer = machine.read(source="access", most=2)
    assert [text.split()[2] for _moment, _source, text in answer.lines] == ["/3", "/4"]
    assert answer.left_out == 3


def test_lines_of_the_journal_that_are_not_read_are_not_counted(machine: Machine) -> None:
    """The journal gives one more than is asked for, and nobody knows how many there were."""
    for number in range(3):
        machine.entry(f"{number}", 100.0 + number)
    assert machine.read(source="journal", most=2).left_out is None
    assert "--lines=3" in machine.told.read_text()
    assert machine.read(source="journal", most=2, grep=".").left_out == 1


def test_release_has_the_lines_of_its_slot_while_it_is_in_it(machine: Machine) -> None:
    machine.live((10.0, "1.0", "blue"), (50.0, "1.1", "green"))
    machine.entry("old", 60.0)
    machine.entry("new", 61.0, _SYSTEMD_UNIT="shop@green.service")
    starts = "Starting shop.example.com, slot blue: release 1.2..."
    machine.entry(starts, 62.0, _SYSTEMD_UNIT="init.scope", UNIT="shop@blue.service", _PID="1")
    machine.entry("newest", 63.0)
    machine.entry("of no release", 64.0, _SYSTEMD_UNIT="asgi-fleet-shop-build.service")
    question = {"source": "journal", "since": 55.0}
    assert machine.texts(**question, release="1.0") == ["blue: old"]
    assert machine.texts(**question, release="1.1") == ["green: new"]
    assert machine.texts(**question, release="1.2") == [f"blue: {starts}", "blue: newest"]


def test_release_has_the_requests_that_ended_while_it_was_live(machine: Machine) -> None:
    machine.live((10.0, "1.0", "blue"), (50.0, "1.1", "green"))
    machine.request("/old", 49.9)
    machine.request("/new", 50.1)
    (old,) = machine.texts(source="access", release="1.0")
    (new,) = machine.texts(source="access", release="1.1")
    assert (" /old " in old, " /new " in new) == (True, True)


def test_long_messages_are_asked_for_whole(machine: Machine) -> None:
    """Else journalctl(1) has null for what is larger than 4096 bytes, which is an empty line."""
    machine.entry("hello")
    machine.read()
    assert " --all " in machine.told.read_text()


def test_journal_that_fails_is_told(machine: Machine) -> None:
    machine.status.write_text("1")
    with pytest.raises(LogsError, match="journalctl failed: broken"):
        machine.read()


def test_host_without_an_access_log_has_its_journal(machine: Machine) -> None:
    machine.entry("hello")
    assert machine.texts() == ["blue: hello"]


# Following


def follow(machine: Machine, position: Position, **question: object) -> list[str]:
    reader = machine.reader(source="access", **question)
    return [text.split()[2] for _moment, _source, text in reader.follow(position, 0.3).lines]


def test_followed_log_goes_on_where_it_was_read_to(machine: Machine) -> None:
    machine.request("/before")
    position = machine.read(source="access").position
    assert follow(machine, position) == []
    machine.request("/one")
    assert follow(machine, position) == ["/one"]
    assert follow(machine, position) == []


def test_half_a_line_waits_for_its_end(machine: Machine) -> None:
    machine.request("/before")
    position = machine.read(source="access").position
    line = request_line("/one") + b"\n"
    with machine.log.open("ab") as file:
        file.write(line[:20])
    assert follow(machine, position) == []
    with machine.log.open("ab") as file:
        file.write(line[20:])
    assert follow(machine, position) == ["/one"]


def test_log_that_is_rotated_is_read_to_its_end_first(machine: Machine) -> None:
    machine.request("/before")
    position = machine.read(source="access").position
    machine.request("/one")
    machine.log.rename(machine.root / "shop.log.1")
    machine.request("/two")
    assert follow(machine, position) == ["/one", "/two"]
    machine.request("/three")
    assert follow(machine, position) == ["/three"]


def test_log_that_is_cut_is_read_from_its_start(machine: Machine) -> None:
    for number in range(3):
        machine.request(f"/{number}")
    position = machine.read(source="access").position
    machine.log.write_bytes(b"")
    machine.request("/new")
    assert follow(machine, position) == ["/new"]


def test_log_that_comes_later_is_read(machine: Machine) -> None:
    position = machine.read(source="access").position
    machine.request("/first")
    assert follow(machine, position) == ["/first"]


def test_journal_is_followed_from_its_newest_entry(machine: Machine) -> None:
    machine.entry("before", 100.0)
    position = machine.read(source="journal").position
    assert position.cursor == "c100.0"
    machine.journal.write_text("")
    machine.entry("after", 101.0)
    answer = machine.reader(source="journal").follow(position, 2)
    assert [text for _moment, _source, text in answer.lines] == ["blue: after"]
    assert answer.position.cursor == "c101.0"
    assert "--after-cursor=c100.0 --follow --no-tail" in machine.told.read_text()


def test_release_is_known_while_it_is_followed(machine: Machine) -> None:
    position = Position(releases={"blue": "1.0"})
    starts = "Starting shop: release 1.1..."
    machine.entry(starts, 100.0, UNIT="shop@blue.service", _PID="1")
    machine.entry("new", 101.0)
    reader = machine.reader(source="journal", release="1.1")
    assert len(reader.follow(position, 2).lines) == 2
    assert position.releases == {"blue": "1.1"}
