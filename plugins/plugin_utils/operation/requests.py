"""What an operator asks for on the command line, checked before any host is contacted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation import moments
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.given import given
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.words import words
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

Parse = Callable[[str], Mapping[str, object]]

RUN_ON = ("one", "leader", "all")
SOURCES = ("all", "journal", "access")
FORMATS = ("table", "json")
#: A week: longer than anything that belongs on a terminal.
LONGEST_SECONDS = 604_800
MOST_LINES = 100_000
MOST_ROWS = 1000
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
#: As `release` of a rollback.
_TIMER = re.compile(r"[a-z][a-z0-9-]{0,30}")
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
#: As `inputs.processes` has it.
_PROCESS = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass
class CommandLine:
    """The variables of one command line.

    Attributes:
        options: What stands after each `-e`.
        variables: What Ansible made of them.
        parse: What Ansible makes of one of them.
        problems: What was found to be wrong.
    """

    options: Sequence[str]
    variables: Mapping[str, object]
    parse: Parse
    problems: list[Problem] = field(default_factory=list)

    def take(self, name: str, default: object, check: Callable[[object, Findings], object]) -> Any:  # noqa: ANN401 (each variable has its own type)
        """Return a checked variable, or its default."""
        findings = Findings(name, f"correct -e {name}=...")
        value = given(name, self.options, self.variables, self.parse, findings)
        checked = check(default if value is None else value, findings)
        self.problems += findings.problems
        return checked


def run_request(line: CommandLine) -> dict[str, Any]:
    """Return what to run: `command`, `run_on`, `run_seconds` and `run_status_file`."""
    return {
        "command": line.take("command", None, words),
        "on": line.take("run_on", "one", _one_of(RUN_ON)),
        "seconds": line.take("run_seconds", 3600, _number(1, LONGEST_SECONDS)),
        "status_file": line.take("run_status_file", "", _file),
    }


def logs_request(line: CommandLine, now: float) -> dict[str, Any]:
    """Return which lines of the logs to show; `since` is a Unix time.

    Args:
        line: The command line.
        now: The Unix time.
    """

    def since(value: object, findings: Findings) -> float:
        try:
            found = moments.moment(str(value), now)
        except ValueError:
            findings.refuse(seen(value), moments.EXPECTED)
            return 0.0
        if found > now:
            findings.refuse(f"{seen(value)}, which is still to come", "a moment of the past")
        return found

    request = {
        "since": line.take("logs_since", "10 min ago", since),
        "grep": line.take("logs_grep", "", _regular_expression),
        "follow": line.take("logs_follow", False, _boolean),
        "seconds": line.take("logs_seconds", 0, _number(0, LONGEST_SECONDS)),
        "release": line.take("logs_release", "", _release),
        "timer": line.take("logs_timer", "", _timer),
        "process": line.take("logs_process", "", _process),
        "source": line.take("logs_source", "all", _one_of(SOURCES)),
        "lines": line.take("logs_lines", 500, _number(1, MOST_LINES)),
    }
    if request["seconds"] and not request["follow"]:
        findings = Findings("logs_seconds", "add -e logs_follow=true, or leave it out")
        findings.refuse(str(request["seconds"]), "it with logs_follow")
        line.problems += findings.problems
    line.problems += _nothing_of_both(request)
    return request


def _nothing_of_both(request: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if no line can be what two options ask for."""
    timer, process = request["timer"], request["process"]
    findings = Findings("logs_timer" if timer and process else "logs_source", "leave one out")
    if timer and process:
        findings.refuse(
            f"{timer}, and logs_process is {process}", "one of them, since no line is of both"
        )
    elif request["source"] == "access" and (timer or process):
        asked = f"logs_timer is {timer}" if timer else f"logs_process is {process}"
        findings.refuse(
            f"access, and {asked}", "journal or all: timers and processes have no requests"
        )
    return findings.problems


def history_request(line: CommandLine) -> dict[str, Any]:
    """Return how to show the history."""
    return {
        "format": line.take("history_format", "table", _one_of(FORMATS)),
        "file": line.take("history_file", "", _file),
        "count": line.take("history_count", 20, _number(1, MOST_ROWS)),
    }


def enough_forks(hosts: int, forks: int) -> None:
    """Refuse to follow more hosts than Ansible works on at once: the others would be silent.

    Raises:
        ValueError: There are too few forks.
    """
    if hosts > forks:
        raise ValueError(
            f"forks is {forks}; expected at least {hosts}, since each host that is followed takes "
            f"one; add --forks {hosts}, or follow fewer: --limit"
        )


def _one_of(allowed: Sequence[str]) -> Callable[[object, Findings], object]:
    def check(value: object, findings: Findings) -> object:
        if value not in allowed:
            findings.refuse(seen(value), f"{', '.join(allowed[:-1])} or {allowed[-1]}")
        return value

    return check


def _number(low: int, high: int) -> Callable[[object, Findings], object]:
    def check(value: object, findings: Findings) -> object:
        whole = integer(value)
        if whole is None or not low <= whole <= high:
            findings.refuse(seen(value), f"a number from {low} to {high}")
        return whole

    return check


def _boolean(value: object, findings: Findings) -> bool:
    text = str(value).lower()
    if text not in (*_TRUE, *_FALSE):
        findings.refuse(seen(value), "true or false")
    return text in _TRUE


def _regular_expression(value: object, findings: Findings) -> str:
    text = str(value)
    try:
        re.compile(text)
    except re.error as error:
        findings.refuse(
            f"{seen(text)} ({error})", "a regular expression of Python", "put \\ before ( [ * + ?"
        )
    return text


def _release(value: object, findings: Findings) -> str:
    text = str(value)
    if text and not _RELEASE.fullmatch(text):
        findings.refuse(
            seen(text), "the id of a release", "list them: ansible-playbook playbooks/releases.yml"
        )
    return text


def _process(value: object, findings: Findings) -> str:
    text = str(value)
    if text and not _PROCESS.fullmatch(text):
        findings.refuse(seen(text), "the name of one of app_processes, such as worker")
    return text


def _timer(value: object, findings: Findings) -> str:
    text = str(value)
    if text and not _TIMER.fullmatch(text):
        findings.refuse(
            seen(text), "the name of a timer", "see playbooks/status.yml, or app_timers"
        )
    return text


def _file(value: object, findings: Findings) -> str:
    text = str(value)
    if text:
        path = Path(text).expanduser().absolute()
        if path.is_dir() or not path.parent.is_dir():
            findings.refuse(
                seen(text), "a file in a folder that is there", f"mkdir -p {path.parent}"
            )
        return str(path)
    return ""
