"""The two slots of an application on one host: names, files, and what is live.

Pure but for reading: what changes a host is in `activation.py` and `cut_over.py`. Standard library
only and Python 3.10, since modules run on the host's own interpreter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SLOTS = ("blue", "green")
#: Secrets shorter than this are not searched for in what is shown: they would blank half of it.
SHORTEST_REDACTED = 4


@dataclass(frozen=True)
class Application:
    """The places of one application; `root` is "/" on a host and a folder in tests."""

    name: str
    root: str = "/"

    def path(self, *parts: str) -> str:
        """Join `parts` below the root."""
        return os.path.join(self.root, *parts)

    @property
    def live_link(self) -> str:
        """The link that nginx connects to: the one fact of which slot is live."""
        return self.path("var/lib", self.name, "live.sock")

    @property
    def activations(self) -> str:
        """One JSON line for each activation or refusal, oldest first."""
        return self.path("var/lib", self.name, "activations.jsonl")

    @property
    def releases(self) -> str:
        """The folder of releases."""
        return self.path("opt", self.name, "releases")

    def slot(self, slot: str) -> Slot:
        """Return the named slot; `slot` is blue or green."""
        return Slot(self, slot)

    def live_slot(self) -> str | None:
        """Return the slot that nginx is sent to, or None before the first activation."""
        try:
            target = os.path.basename(os.readlink(self.live_link))
        except OSError:
            return None
        slot = target.rpartition(".")[0]
        return slot if slot in SLOTS else None


@dataclass(frozen=True)
class Slot:
    """The files and units of one slot."""

    application: Application
    slot: str

    @property
    def unit(self) -> str:
        """The units' name without its type, as in `shop@blue`."""
        return f"{self.application.name}@{self.slot}"

    @property
    def units(self) -> tuple[str, str]:
        """The socket unit and the service unit."""
        return f"{self.unit}.socket", f"{self.unit}.service"

    @property
    def socket(self) -> str:
        """The unix socket that systemd holds for the slot."""
        return self.application.path("run", self.application.name, f"{self.slot}.sock")

    @property
    def runtime_directory(self) -> str:
        """Where the workers leave their reports."""
        return self.application.path("run", self.application.name, self.slot)

    @property
    def release_link(self) -> str:
        """The link that says which release the slot runs."""
        return self.application.path("opt", self.application.name, "slots", self.slot)

    @property
    def files(self) -> dict[str, str]:
        """The slot's five files by the parameter names of `asgi.fleet.slot`."""
        units = self.application.path("etc/systemd/system")
        settings = self.application.path("etc", self.application.name, self.slot)
        return {
            "socket": f"{units}/{self.unit}.socket",
            "service": f"{units}/{self.unit}.service",
            "settings": f"{settings}/gunicorn.conf.py",
            "worker": f"{settings}/draining_worker.py",
            "environment": f"{settings}/environment",
        }

    def release(self) -> str | None:
        """Return the folder of the release that the slot is set to, or None."""
        try:
            target = os.readlink(self.release_link)
        except OSError:
            return None
        return os.path.normpath(os.path.join(os.path.dirname(self.release_link), target))

    def contents(self) -> dict[str, str]:
        """Return what stands in the slot's files now; a missing file is an empty string."""
        return {kind: read(path) for kind, path in self.files.items()}


#: Modes of the slot's files; the environment holds secrets and is read by systemd as root.
FILE_MODES = {
    "socket": 0o644,
    "service": 0o644,
    "settings": 0o644,
    "worker": 0o644,
    "environment": 0o600,
}


def other(slot: str | None) -> str:
    """Return the slot to use next: blue first, then the one that is not live."""
    return "green" if slot == "blue" else "blue"


def read(path: str) -> str:
    """Return the text of a file as it is, or an empty string when there is none."""
    try:
        # Without newline="" a value with a carriage return would read as changed in every run.
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def planned_workers(slot: Slot) -> int:
    """Return the number of workers that the slot's Gunicorn was told to run."""
    found = re.search(r"^workers = (\d+)$", read(slot.files["settings"]), re.MULTILINE)
    return int(found.group(1)) if found else 0


def changed_kinds(current: dict[str, str], desired: dict[str, str]) -> list[str]:
    """Return the kinds of files that differ, in the order of `desired`."""
    return [kind for kind, text in desired.items() if current.get(kind, "") != text]


def hide_values(environment: str) -> str:
    """Return an environment file with a digest-free placeholder for each value, for a diff.

    Args:
        environment: the text of an EnvironmentFile= (systemd.exec(5)), quoted values allowed.
    """
    names = parse_environment(environment)
    return "".join(f"{name}=<hidden>\n" for name in sorted(names))


def without_secrets(text: str, values: Mapping[str, str], names: Iterable[str]) -> str:
    """Return `text` with the name of each secret in the place of its value.

    Args:
        text: what is about to be shown, such as a traceback.
        values: the environment.
        names: the variables in it that are secret.
    """
    # The longest first: of two secrets one may begin with the other.
    for name in sorted(names, key=lambda n: len(values.get(n, "")), reverse=True):
        if len(values.get(name, "")) >= SHORTEST_REDACTED:
            text = text.replace(values[name], f"<{name}>")
    return text


def parse_environment(environment: str) -> dict[str, str]:
    """Parse what `format_environment` wrote.

    Args:
        environment: lines NAME="value"; a quoted value may span lines.
    """
    values: dict[str, str] = {}
    position = 0
    while position < len(environment):
        equals = environment.find('="', position)
        if equals < 0:
            break
        name = environment[position:equals].strip()
        text, position = _unquote(environment, equals + 2)
        values[name] = text
    return values


def _unquote(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at `start`, after its quote, and the index behind it."""
    value = []
    index = start
    while index < len(text) and text[index] != '"':
        if text[index] == "\\" and index + 1 < len(text):
            index += 1
        value.append(text[index])
        index += 1
    return "".join(value), index + 1


def format_environment(variables: dict[str, str]) -> str:
    r"""Return the text of an EnvironmentFile= with every value quoted.

    Within double quotes systemd.exec(5) takes everything literally, newlines included, but for
    the backslash before ", \, ` and $.
    """
    lines = []
    for name in sorted(variables):
        value = variables[name]
        for character in '\\"`$':
            value = value.replace(character, "\\" + character)
        lines.append(f'{name}="{value}"\n')
    return "".join(lines)
