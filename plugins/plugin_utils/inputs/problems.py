"""How an input is refused: one line that says what was seen, what is allowed, and what to do.

Pure and typed; runs on the controller. `values`, `source` and `tls` find the problems,
`examination` collects them over the hosts.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.written import Files

SEEN_LENGTH = 60
"""Longest part of a value that a message repeats, in characters."""

HOSTS_SHOWN = 5
"""Maximum number of hosts that one line names; the rest are counted."""

SET_PLAIN = "set it in group_vars/app.yml"
SET_IN_VAULT = "set it in a file that ansible-vault encrypts"

# A password may have a slash in it, unquoted.
_CREDENTIALS = re.compile(r"(?<=://)(?:[^/@\s]*|[^:/?#@\s]*:[^@\s]*)@")


@dataclass(frozen=True)
class Problem:
    """One refused input.

    Attributes:
        variable: Name of the deployment variable.
        message: The whole line, without hosts: subject, seen, allowed, what to do.
        hosts: Inventory names where it applies; empty while only one host is examined.
    """

    variable: str
    message: str
    hosts: tuple[str, ...] = ()

    def line(self, all_hosts: int = 0) -> str:
        """Return the message, with its hosts first.

        Args:
            all_hosts: How many hosts were examined; a problem of all of them says so.
        """
        if not self.hosts:
            return self.message
        if len(self.hosts) == all_hosts and all_hosts > HOSTS_SHOWN:
            return f"all {all_hosts} hosts: {self.message}"
        named = ", ".join(self.hosts[:HOSTS_SHOWN])
        rest = len(self.hosts) - HOSTS_SHOWN
        return f"{named}{f' and {rest} more' if rest > 0 else ''}: {self.message}"


class Findings:
    """Collects the problems of one variable.

    Args:
        variable: Name of the variable that is being checked.
        advice: What to do about it when a problem does not say.
        files: Finds what stands where a value was read.
    """

    def __init__(self, variable: str, advice: str = SET_PLAIN, files: Files | None = None) -> None:
        self.variable = variable
        self.advice = advice
        self.files = files or Files()
        self.problems: list[Problem] = []

    def refuse(self, is_: str, expected: str, todo: str = "", *, at: str = "") -> None:
        """Add a problem.

        Args:
            is_: What was seen, safe to print.
            expected: What is allowed.
            todo: What to do; by default the advice of the variable.
            at: The part of the variable that is wrong, such as `.url` or `[2]`.
        """
        subject = f"{self.variable}{at}"
        message = f"{subject} is {is_}; expected {expected}; {todo or self.advice}"
        self.problems.append(Problem(self.variable, message))


def seen(value: object) -> str:
    """Return a value as a message shows it: one line, short, without a URL's credentials."""
    if value is None or value in ("", [], {}):
        return "empty"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    text = _CREDENTIALS.sub("***@", text)
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= SEEN_LENGTH else f"{text[: SEEN_LENGTH - 3]}..."


def kind(value: object) -> str:
    """Return the type of a value in YAML's terms, for a value that must not be shown."""
    if value is None:
        return "empty"
    names: list[tuple[type, str]] = [
        (bool, "a boolean"),
        (int, "a number"),
        (float, "a number"),
        (str, "a text"),
        (list, "a list"),
        (dict, "a mapping"),
    ]
    return next((name for type_, name in names if isinstance(value, type_)), "not plain data")
