"""Checks of `app_processes`: what an application runs besides its web workers."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.commands import (
    refuse_long,
    seen_command,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import boolean
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

#: One process for each core that the host may use.
CORES = "cores"
MOST = 128
#: What a process has that does not say otherwise.
DEFAULTS: dict[str, Any] = {
    "count": 1,
    "stop_signal": "SIGTERM",
    "stop_timeout": 30,
    "memory_mb": 128,
    "once_per_fleet": False,
    "overlap": True,
    "notify": False,
}
KEYS = ("name", "command", *DEFAULTS)
#: Signals that a program may handle, and that do not stop it in the middle of a job on purpose.
SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH")
#: The numbers: whole, and from where to where.
NUMBERS = {"stop_timeout": (1, 3600, "seconds"), "memory_mb": (16, 1048576, "MB")}
#: The unit of one is `<app>@<slot>-<name>-<number>.service`, of at most 255 characters, and its
#: folder below /run has that name too.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
#: What only a shell understands, without quotes and in double ones.
_SHELL, _EXPANDED = frozenset("();<>|&$`"), frozenset("$`")
#: A character after a backslash, a text in quotes, or another character.
_PIECE = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*"|.""", re.DOTALL)


def processes(value: object, findings: Findings) -> list[dict[str, Any]]:
    """Check the processes; return each with all of its keys, and its command as a list of words."""
    if not isinstance(value, list):
        findings.refuse(seen(value), "a list of processes, each {name: ..., command: ...}")
        return []
    found = [_process(entry, findings, f"[{index}]") for index, entry in enumerate(value)]
    names = [process["name"] for process in found]
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        findings.refuse(f"{name} twice", "each name once", "rename one, or raise its count")
    return found


def _process(value: object, findings: Findings, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        findings.refuse(seen(value), "a mapping of name, command and more", at=at)
        return {"name": ""}
    for key in sorted(str(key) for key in value.keys() - set(KEYS)):
        findings.refuse("not a key", ", ".join(KEYS), "remove it", at=f"{at}.{key}")
    name = value.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        findings.refuse(
            seen(name) if "name" in value else "not set",
            "a lower-case letter and then at most 30 of a-z, 0-9 and -, such as worker",
            at=f"{at}.name",
        )
        name = ""
    elif name.endswith("-"):
        findings.refuse(
            f"{name}, which ends with -", "a letter or a digit at its end", at=f"{at}.name"
        )
        name = ""
    # Where it is known, a process is called by its name.
    at = f".{name}" if name else at
    given = {**DEFAULTS, **{key: value[key] for key in DEFAULTS if value.get(key) is not None}}
    return {
        "name": name,
        "command": _command(value.get("command"), findings, f"{at}.command"),
        "count": _count(given["count"], findings, f"{at}.count"),
        "stop_signal": _signal(given["stop_signal"], findings, f"{at}.stop_signal"),
        **{key: _number(key, given, findings, f"{at}.{key}") for key in NUMBERS},
        **{
            key: _boolean(given[key], findings, f"{at}.{key}")
            for key in ("once_per_fleet", "overlap", "notify")
        },
    }


def _command(value: object, findings: Findings, at: str) -> list[str]:
    """Return the words of a command. No shell: the signal must reach the program itself."""
    words: object = value
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            findings.refuse(f"{seen(value)} ({error})", "a command whose quotes are closed", at=at)
            return []
        if _needs_shell(value):
            findings.refuse(
                f"{seen(value)}, which needs a shell",
                "a program and its arguments, which gets the stop signal itself",
                'write a script of the release, or a list: [sh, -c, "..."]',
                at=at,
            )
            return []
    if not isinstance(words, list) or not _has_program(words):
        findings.refuse(
            "not set" if value is None else seen_command(value),
            "a command on one line such as arq worker.Settings, or a list of its words",
            at=at,
        )
        return []
    refuse_long(words, findings, at)
    return words


def _needs_shell(command: str) -> bool:
    """Return whether a command whose quotes are closed has anything that only a shell does."""
    understood = {"\\": frozenset[str](), "'": frozenset[str](), '"': _EXPANDED}
    return any(understood.get(piece[0], _SHELL) & set(piece) for piece in _PIECE.findall(command))


def _has_program(words: list[Any]) -> bool:
    """Return whether env(1) finds a program in a command: without one it prints the environment."""
    if not all(isinstance(word, str) and word.isprintable() for word in words):
        return False
    program = next((word for word in words if "=" not in word), "")
    return bool(program.strip()) and not words[0].startswith("-") and not program.startswith("-")


def _count(value: object, findings: Findings, at: str) -> int | str:
    if value == CORES:
        return CORES
    number = integer(value)
    if number is None or not 1 <= number <= MOST:
        findings.refuse(
            seen(value),
            f"{CORES} or a number from 1 to {MOST}",
            "set it, or remove the process",
            at=at,
        )
        return 1
    return number


def _signal(value: object, findings: Findings, at: str) -> str:
    name = f"SIG{value.upper().removeprefix('SIG')}" if isinstance(value, str) else ""
    if name not in SIGNALS:
        why = ""
        if name == signal.SIGKILL.name:
            why = ", which would lose a running job"
        findings.refuse(f"{seen(value)}{why}", f"one of {', '.join(SIGNALS)}", at=at)
    return name


def _number(key: str, given: Mapping[str, object], findings: Findings, at: str) -> int:
    low, high, unit = NUMBERS[key]
    number = integer(given[key])
    if number is None or not low <= number <= high:
        findings.refuse(seen(given[key]), f"a number of {unit} from {low} to {high}", at=at)
        return low
    return number


def _boolean(value: object, findings: Findings, at: str) -> bool:
    own = Findings(findings.variable)
    chosen = boolean(value, own)
    if own.problems:
        findings.refuse(seen(value), "true or false", at=at)
    return chosen
