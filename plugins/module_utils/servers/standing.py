"""What stands on a host before a server is configured there: whose its files and ports are.

A file is ours by its header, the package's by dpkg's checksum, and otherwise someone's: it stays.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import Listener

MISSING, OURS, PACKAGED, FOREIGN = "missing", "ours", "packaged", "foreign"
#: The header of every file that the roles write, and how much of a file it is looked for in.
_HEADER = re.compile(r"Written by (?:asgi\.fleet|the role \w+)\b")
_TOP = 400
_STATUS = "/var/lib/dpkg/status"
#: Units that systemd makes of the scripts in /etc/init.d: a removed package leaves its script.
_GENERATED = "/run/systemd/generator"


def is_ours(text: str) -> bool:
    """Return whether the top of a file says that a role of asgi.fleet wrote it."""
    return bool(_HEADER.search(text[:_TOP]))


def conffiles(status: str, folder: str) -> dict[str, set[str]]:
    """Return the checksums of the packages' files below a folder, by path.

    Args:
        status: The text of dpkg's status.
        folder: The folder.
    """
    found: dict[str, set[str]] = {}
    pattern = rf"^ ({re.escape(folder)}/\S+) ([0-9a-f]{{32}})\b"
    for path, checksum in re.findall(pattern, status, re.MULTILINE):
        found.setdefault(path, set()).add(checksum)
    return found


class Files:
    """The files of a host, below the folder of a server's package.

    Args:
        folder: The folder.
        status: dpkg's status; read only if a file is neither missing nor ours.
    """

    def __init__(self, folder: str, status: str = _STATUS) -> None:
        self._folder = folder
        self._status = status
        self._known: dict[str, set[str]] | None = None

    def origin(self, path: str) -> str:
        """Return whose a file is: `MISSING`, `OURS`, `PACKAGED` (unchanged) or `FOREIGN`.

        A link is the package's if it leads to an unchanged file of the package.
        """
        if not os.path.lexists(path):
            return MISSING
        if not os.path.isfile(path):
            return FOREIGN
        if is_ours(read_text(path)):
            return OURS
        return PACKAGED if self._is_packaged(os.path.realpath(path)) else FOREIGN

    def _is_packaged(self, path: str) -> bool:
        if self._known is None:
            self._known = conffiles(read_text(self._status), self._folder)
        checksums = self._known.get(path, set())
        # MD5 is what dpkg knows: a comparison, and no proof against anybody.
        content = Path(path).read_bytes() if checksums else b""
        return hashlib.md5(content, usedforsecurity=False).hexdigest() in checksums


def origins(paths: Iterable[str], files: Files) -> dict[str, str]:
    """Return whose each file is."""
    return {path: files.origin(path) for path in paths}


def foreign_files(found: Mapping[str, str]) -> Iterator[str]:
    """Yield a problem for each file that is neither ours nor an unchanged one of a package."""
    for path, origin in found.items():
        if origin == FOREIGN:
            yield (
                f"{path} is someone's own (it has no mark of asgi.fleet, and is not as its package "
                "has it) and would be overwritten: give it another name where it is needed, or: "
                f"mv {path} {path}.before"
            )


def taken_ports(
    ports: Mapping[int, str], unit: str, listeners: Iterable[Listener]
) -> Iterator[str]:
    """Yield a problem for each port on which another program listens.

    Args:
        ports: The variable that sets it, by port.
        unit: The server's unit, which may have them.
        listeners: Who listens on the host.
    """
    others: dict[tuple[int, str], Listener] = {}
    for one in listeners:
        # In some containers no process tells its unit.
        own = one.unit == unit or (not one.unit and f"{one.program}.service" == unit)
        if one.protocol == "tcp" and one.port in ports and not own:
            # The program's own unit is what an operator stops; a scope is a log-in or a container.
            others.setdefault((one.port, one.owner), one)
    for (port, owner), one in sorted(others.items()):
        known = one.unit.endswith(".service") and one.program != "docker-proxy"
        stop = f"systemctl disable --now {one.unit}" if known else "stop it"
        program = f"{one.program}, {owner}" if one.program not in ("", owner) else owner
        yield (
            f"TCP {port} is in use ({program}, on {one.address}): {stop}, or set {ports[port]} to "
            "a free port"
        )


@dataclass(frozen=True)
class Unit:
    """The unit of a server.

    Attributes:
        state: systemd's LoadState.
        file: Where it is.
        program: What it starts.
    """

    state: str = "not-found"
    file: str = ""
    program: str = ""

    @classmethod
    def named(cls, name: str) -> Unit:
        """Ask systemd."""
        wanted = ("LoadState", "FragmentPath", "ExecStart")
        shown = systemd.systemctl("show", f"--property={','.join(wanted)}", name, check=False)
        values = dict(line.partition("=")[::2] for line in shown.splitlines())
        program = re.search(r"\bpath=(\S+)", values.get("ExecStart", ""))
        return cls(
            values.get("LoadState", "not-found"),
            values.get("FragmentPath", ""),
            program[1] if program else "",
        )


def unit_problems(unit: Unit, name: str, executable: str, *, installed: bool) -> Iterator[str]:
    """Yield why a server cannot be run by its unit.

    Args:
        unit: The unit.
        name: Its name.
        executable: The program of the distribution's package.
        installed: Whether that is there.
    """
    package = os.path.basename(executable)
    if unit.state == "masked":
        yield f"{name} is masked, and could not be started: systemctl unmask {name}"
    elif unit.program and unit.program != executable and not unit.file.startswith(_GENERATED):
        yield (
            f"{name} ({unit.file}) starts {unit.program}, an installation of its own; expected "
            f"{executable}, of the package {package}: remove that unit, or deploy to another host"
        )
    elif installed and unit.state == "not-found":
        yield (
            f"{executable} is there, but systemd knows no {name}, so a package did not install "
            f"it: install the package {package}, or deploy to another host"
        )


@dataclass
class Verdict:
    """What is to be refused, and what is to be told.

    Attributes:
        problems: Why nothing may be changed.
        notes: What is kept or replaced.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def refusal(server: str, problems: Collection[str]) -> str:
    """Return the message of a refusal."""
    return f"{server} cannot serve here beside what the host has, and nothing was changed: " + (
        "; ".join(problems)
    )
