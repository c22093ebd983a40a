"""Errors as the operator gets them: whole, and once, with the hosts that have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import (
    folded,
    printable,
)

#: Keys of a result that hold text, in the order in which it is shown. The message comes first.
TEXTS = ("stderr", "module_stderr", "stdout", "module_stdout")
#: What says nothing that the heading does not say, or is shown already; and the record of a
#: rollout, which is a file.
KNOWN = frozenset(
    {
        "msg",
        "failed",
        "unreachable",
        "is_refusal",
        "reason_follows",
        "exception",
        "warnings",
        "deprecations",
        "stderr_lines",
        "stdout_lines",
        "record",
        *TEXTS,
    }
)
#: Links of Ansible's chain of exceptions that name no cause.
EMPTY_LINKS = ("Task failed.", "Action failed.", "Module failed.")
SHORT_NAME = 2


@dataclass(frozen=True)
class Failure:
    """One error of one host.

    Attributes:
        host: The host, and to whom the task was delegated: `web1 -> lb1`.
        task: The task's name.
        verdict: `failed`, `unreachable` or `refused`.
        text: Everything that is known about it.
        path: File and line of the task.
        item: What of a loop it is about; empty without a loop.
        ignored: Whether the playbook goes on.
    """

    host: str
    task: str
    verdict: str
    text: str
    path: str = ""
    item: str = ""
    ignored: bool = False

    @property
    def shape(self) -> tuple[object, ...]:
        """What is equal in errors that are shown once.

        Journals of one error differ between hosts in their times, process ids and host names.
        """
        own = self.host.partition(" ")[0]
        text = self.text
        # A name such as `a` is a word of other things as well.
        if len(own) > SHORT_NAME:
            text = re.sub(rf"\b{re.escape(own)}\b", "<host>", text)
        text = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]+\b", "<number>", text)
        return (self.task, self.verdict, self.ignored, self.item, text)


@dataclass(frozen=True)
class Group:
    """Hosts with the same error; the text is that of the first."""

    first: Failure
    hosts: tuple[str, ...]

    @property
    def heading(self) -> str:
        """Hosts, verdict and task, in one line."""
        item = f" ({self.first.item})" if self.first.item else ""
        ignored = ", ignored" if self.first.ignored else ""
        task = self.first.task.replace("asgi.fleet.", "")
        return f"{', '.join(self.hosts)}: {self.first.verdict}{ignored}: {task}{item}"

    @property
    def lines(self) -> list[str]:
        """Everything, the heading first."""
        # Mostly, Ansible has told the place, with its column.
        path = self.first.path
        place = [f"at {path}"] if path and path not in self.first.text else []
        text = [f"  {line}".rstrip() for line in [*folded(self.first.text), *place]]
        return [printable(self.heading), *text]


def grouped(failures: Iterable[Failure]) -> list[Group]:
    """Return each error once, in the order in which they came."""
    hosts: dict[tuple[object, ...], list[Failure]] = {}
    for failure in failures:
        hosts.setdefault(failure.shape, []).append(failure)
    return [
        Group(alike[0], tuple(sorted({failure.host for failure in alike})))
        for alike in hosts.values()
    ]


def whole_text(result: Mapping[str, Any], details: Iterable[str], rest: str) -> str:
    """Return everything that a failed result tells, nothing of it twice.

    Args:
        result: What the module returned.
        details: What Ansible knows of the exception: see `details`.
        rest: The other keys of the result as text; empty for none.
    """
    message = result.get("msg")
    # Modules whose message is no text are rare; then it is in the rest.
    parts = [message] if isinstance(message, str) else []
    parts += details
    parts += [str(result[key]) for key in TEXTS if result.get(key)]
    told: list[str] = []
    for part in (printable(part).strip("\n") for part in [*parts, rest]):
        if part.strip() and not any(part.strip() in earlier for earlier in told):
            told.append(part)
    return "\n".join(told)


def other_keys(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a result that `whole_text` does not show by itself."""
    return {
        key: value
        for key, value in result.items()
        if not key.startswith("_ansible_")
        and not (key == "changed" and not value)
        and (key not in KNOWN or (key == "msg" and value and not isinstance(value, str)))
    }


def details(summary: object) -> Iterator[str]:
    """Yield what Ansible's summary of an exception tells.

    Args:
        summary: An `ErrorSummary` of ansible-core (since 2.19), or None. Only attributes are read,
            since its module is not for others to import.
    """
    yield from _of_event(getattr(summary, "event", None))


def _of_event(event: object) -> Iterator[str]:
    seen: set[str] = set()
    while event is not None:
        for name in ("msg", "formatted_source_context", "help_text", "formatted_traceback"):
            text = getattr(event, name, None)
            # A chain of exceptions mostly tells the same place of the playbook for each.
            if text and text not in seen and text not in EMPTY_LINKS:
                seen.add(text)
                yield str(text)
        for child in getattr(event, "events", None) or ():
            yield from _of_event(child)
        chain = getattr(event, "chain", None)
        event = getattr(chain, "event", None)
