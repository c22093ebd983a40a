"""What an application's units and its visitors left in the logs of one host, for people to read.

The journal has the lines of the slots, of builds, hooks and commands, and of the certificate's
renewal; nginx's access log has a line for each request.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application import history
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import UNIT
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.host.journal import message_text
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import Redactor
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.module_utils.servers.traffic import (
    ended_at,
    lines_since,
)

JOURNAL, ACCESS = "journal", "access"
#: What runs of an application beside its slots: the end of the names of its transient units. That
#: of a command is of eight characters (`operation/commands.py`).
PURPOSES = ("build", "import", "hook", "activation", "run-????????")
#: The fields of an entry that are read; the time and the cursor are always there.
FIELDS = "MESSAGE,_SYSTEMD_UNIT,UNIT,_PID"
#: How systemd calls the release in the description of a slot's unit, which it logs at each start.
_STARTS = re.compile(r"Start(?:ing|ed) .*\brelease (\S+?)\.*$")
#: Seconds between two looks at the access log and at the controller.
LOOK_SECONDS = 0.5
#: Seconds that lines are collected for, once there is one.
COLLECT_SECONDS = 1.0

Line = tuple[float, str, str]
"""When (Unix time), `journal` or `access`, and the text."""


class LogsError(Exception):
    """The logs cannot be read as asked; the message says what to do."""


@dataclass(frozen=True)
class Question:
    """Which lines are wanted.

    Attributes:
        since: Unix time.
        source: `journal`, `access` or `all`.
        grep: A regular expression that must be found in the text; empty for all.
        release: Only lines of this release; empty for all.
        timer: Only lines of this timer's runs; empty for all.
        most: How many lines, the last ones.
        log: nginx's log of the application.
        process: Only lines of the process of this name; empty for all.
    """

    since: float
    source: str = "all"
    grep: str = ""
    release: str = ""
    timer: str = ""
    most: int = 500
    log: str = ""
    process: str = ""


@dataclass
class Position:
    """How far the logs have been read.

    Attributes:
        cursor: Of the last entry of the journal.
        inode: Of the access log.
        offset: Behind the last complete line of it.
        releases: The release in each slot.
    """

    cursor: str = ""
    inode: int = 0
    offset: int = 0
    releases: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """Lines of one host.

    Attributes:
        lines: In order of time.
        left_out: How many earlier ones there were too many; None if that was not counted.
        position: Where to go on.
    """

    lines: list[Line]
    left_out: int | None
    position: Position


class Reader:
    """Reads the logs of one application."""

    def __init__(
        self, application: Application, question: Question, public_names: Iterable[str]
    ) -> None:
        """Take the question, and the variables of the environment whose values may be shown.

        Raises:
            LogsError: The regular expression is none for this host's Python.
        """
        self._application = application
        self._question = question
        public = set(public_names)
        self._hiders = []
        for slot in SLOTS:
            environment = parse_environment(read_text(application.slot(slot).files["environment"]))
            secret = [name for name in environment if name not in public]
            self._hiders.append(Redactor(environment, secret))
        try:
            self._pattern = re.compile(question.grep)
        except re.error as error:
            raise LogsError(
                f"logs_grep is {question.grep} ({error}); expected a regular expression of the "
                "host's Python; write it in an older way"
            ) from error
        name = re.escape(application.name)
        purposes = "|".join(PURPOSES).replace("?", "[0-9a-f]")
        self._unit = re.compile(
            rf"{name}@(?P<slot>blue|green)\.(?:service|socket)"
            rf"|{name}@{UNIT.replace('P<slot>', 'P<at>')}"
            rf"|{name}@timer-(?P<timer>[a-z0-9-]+)\.(?:service|timer)"
            rf"|asgi-fleet-{name}-(?P<purpose>{purposes})\.service"
            rf"|{name}-(?P<renewal>certificate)\.service"
        )
        self._cuts = history.cuts(application, question.since) if question.release else []

    @property
    def _has_requests(self) -> bool:
        """Whether lines of the access log are wanted: processes and timers have none."""
        question = self._question
        return question.source != JOURNAL and not question.timer and not question.process

    def read(self) -> Answer:
        """Return the last lines since a moment."""
        question, position = self._question, Position(releases=self._releases(self._question.since))
        journal, access = _Last(question.most), _Last(question.most)
        if question.source != ACCESS:
            # Before the lines: what comes meanwhile is told then.
            position.cursor = _newest()
            # With a pattern, systemd cannot know which are the last.
            of_some = question.release or question.process or question.timer
            all_ = question.grep or of_some
            last = [] if all_ else [f"--lines={question.most + 1}"]
            since = f"--since=@{question.since:.6f}"
            journal.add(self._entries(_journal(self._application, since, *last), position))
            journal.counted = bool(all_)
        if self._has_requests:
            position.inode, position.offset = _end_of(question.log)
            read = (position.inode, position.offset)
            access.add(self._requests(lines_since(Path(question.log), question.since, read)))
        return _merged([journal, access], question.most, position)

    def follow(self, position: Position, seconds: float) -> Answer:
        """Return the lines since an answer, as soon as there are some.

        Args:
            position: Of that answer.
            seconds: How long to wait for the first of them.

        Raises:
            ControllerGone: The controller has gone meanwhile.
        """
        question = self._question
        journal, access = _Last(question.most), _Last(question.most)
        process = None
        if question.source != ACCESS:
            after = f"--after-cursor={position.cursor}" if position.cursor else "--since=now"
            process = _journal(self._application, after, "--follow", "--no-tail")
        try:
            self._collect(process, position, seconds, journal, access)
        finally:
            if process is not None:
                process.kill()
                process.communicate()
        return _merged([journal, access], question.most, position)

    def _collect(
        self,
        process: subprocess.Popen[bytes] | None,
        position: Position,
        seconds: float,
        journal: _Last,
        access: _Last,
    ) -> None:
        stream = process.stdout if process else None
        rest = b""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            pause = min(LOOK_SECONDS, left)
            if stream is not None and select.select([stream], [], [], pause)[0]:
                block = os.read(stream.fileno(), 1024 * 1024)
                *lines, rest = (rest + block).split(b"\n")
                journal.add(self._of_entries(lines, position))
                if not block:
                    return
            elif stream is None:
                time.sleep(pause)
            if self._has_requests:
                access.add(self._requests(_appended(self._question.log, position)))
            if journal.lines or access.lines:
                deadline = min(deadline, time.monotonic() + COLLECT_SECONDS)
                if len(journal.lines) + len(access.lines) >= self._question.most:
                    return
            require_controller()

    def _entries(self, process: subprocess.Popen[bytes], position: Position) -> Iterator[Line]:
        with process:
            yield from self._of_entries(process.stdout or (), position)
            if process.wait() != 0:
                told = process.stderr.read().decode(errors="replace") if process.stderr else ""
                raise LogsError(f"journalctl failed: {printable(told).strip()}")

    def _of_entries(self, lines: Iterable[bytes], position: Position) -> Iterator[Line]:
        for line in filter(None, (line.strip() for line in lines)):
            entry = json.loads(line)
            position.cursor = entry["__CURSOR"]
            unit = str(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or "")
            found = self._unit.fullmatch(unit)
            if not found:
                continue
            if self._question.timer not in ("", found["timer"]):
                continue
            if self._question.process not in ("", found["process"]):
                continue
            text = message_text(entry.get("MESSAGE"))
            # What runs in a release: the service, a process of it, or a timer.
            timer = f"timer-{found['timer']}" if found["timer"] else ""
            slot = found["slot"] or found["at"] or timer
            if slot and entry.get("_PID") == "1" and (starts := _STARTS.search(text)):
                position.releases[slot] = starts[1]
            release = self._question.release
            if release and (not slot or position.releases.get(slot) != release):
                continue
            name = slot or found["purpose"] or found["renewal"]
            if found["process"]:
                name = f"{name} {found['process']}-{found['number']}"
            moment = int(entry["__REALTIME_TIMESTAMP"]) / 1_000_000
            for part in self._hidden(text).split("\n"):
                yield from self._wanted(moment, JOURNAL, f"{name}: {part}")

    def _requests(self, lines: Iterable[bytes]) -> Iterator[Line]:
        for line in lines:
            ended = ended_at(line)
            text = request_text(line)
            if ended is None or not text:
                continue
            if self._question.release and self._release(ended) != self._question.release:
                continue
            yield from self._wanted(ended, ACCESS, self._hidden(text).replace("\n", " "))

    def _wanted(self, moment: float, source: str, text: str) -> Iterator[Line]:
        if self._pattern.search(text):
            yield moment, source, text

    def _hidden(self, text: str) -> str:
        for hide in self._hiders:
            text = hide(text)
        return printable(text)

    def _release(self, moment: float) -> str:
        """Return the release that was live at a moment."""
        before = bisect_right([cut for cut, _release in self._cuts], moment)
        return self._cuts[max(0, before - 1)][1] if self._cuts else ""

    def _releases(self, moment: float) -> dict[str, str]:
        """Return the release that was in each slot at a moment."""
        return {
            done.slot: done.release
            for done in history.activations(self._application)
            if done.at <= moment
        }


class _Last:
    """The last lines of a source, and how many there were before them."""

    def __init__(self, most: int) -> None:
        self.lines: deque[Line] = deque(maxlen=most)
        self.left_out = 0
        self.counted = True

    def add(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.left_out += len(self.lines) == self.lines.maxlen
            self.lines.append(line)


def _merged(sources: Sequence[_Last], most: int, position: Position) -> Answer:
    lines = sorted((line for source in sources for line in source.lines), key=lambda line: line[0])
    left_out = sum(source.left_out for source in sources) + max(0, len(lines) - most)
    counted = all(source.counted for source in sources) or not left_out
    return Answer(lines[-most:], left_out if counted else None, position)


def request_text(line: bytes) -> str:
    """Return a request as a line for people: status, method, path, time, client, request id.

    Args:
        line: Of nginx's log in the format `fleet_json`; empty for another kind of line.
    """
    try:
        entry: Mapping[str, Any] = json.loads(line)
        took = f"{float(entry['request_time']) * 1000:.0f} ms"
        return (
            f"{entry['status']} {entry['method']} {entry['path']} {took} {entry['client']} "
            f"{entry['request_id']}"
        )
    except (ValueError, KeyError, TypeError):
        return ""


def _journal(application: Application, *options: str) -> subprocess.Popen[bytes]:
    name = application.name
    units = [f"{name}@*", f"{name}-certificate.service"]
    units += [f"asgi-fleet-{name}-{purpose}.service" for purpose in PURPOSES]
    return subprocess.Popen(
        [
            *("journalctl", "--no-pager", "--quiet", "--output=json", f"--output-fields={FIELDS}"),
            # Else a message above 4096 bytes is null, such as a traceback in one line of JSON.
            "--all",
            *(f"--unit={unit}" for unit in units),
            *options,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _newest() -> str:
    """Return the cursor of the journal's newest entry, of whatever unit."""
    result = subprocess.run(
        ["journalctl", "--quiet", "--no-pager", "--lines=1", "--output=json"],
        capture_output=True,
        check=False,
    )
    line = result.stdout.strip()
    return str(json.loads(line)["__CURSOR"]) if line else ""


def _end_of(log: str) -> tuple[int, int]:
    """Return the inode of a log, and the place behind its last complete line."""
    try:
        with open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - 1024 * 1024)
            file.seek(start)
            tail = file.read(size - start)
            return os.fstat(file.fileno()).st_ino, start + tail.rfind(b"\n") + 1
    except FileNotFoundError:
        return 0, 0


def _appended(log: str, position: Position) -> list[bytes]:
    """Return the complete lines that were appended to a log, also before it was rotated."""
    found: list[bytes] = []
    for path in (f"{log}.1", log):
        try:
            with open(path, "rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                if inode != position.inode and path != log:
                    continue
                size = file.seek(0, os.SEEK_END)
                same = inode == position.inode and position.offset <= size
                start = file.seek(position.offset if same else 0)
                *lines, rest = file.read(size - start).split(b"\n")
                found += lines
                if path == log:
                    position.inode, position.offset = inode, size - len(rest)
                else:
                    position.inode = 0
        except FileNotFoundError:
            continue
    return found
