"""Whether a host is one that can be deployed to: found out before anything on it changes."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.space import full

#: The oldest systemd that has every directive of the units (Ubuntu 22.04).
SYSTEMD = 249
#: What is expected, for messages.
EXPECTED = "Debian 12, Ubuntu 22.04, or newer, with systemd"
#: Folders with programs of releases, and of uv.
PROGRAMS = ("opt",)
#: Folders that a deploy writes to.
WRITTEN = ("opt", "etc", "var/lib", "var/cache", "run")


class UnfitError(Exception):
    """The host cannot be deployed to; the message says why, and what to do."""


def require_fit_host(root: Path = Path("/"), version: str | None = None) -> None:
    """Refuse a host that cannot be deployed to.

    Args:
        root: `/`, or a test's tree.
        version: What `systemctl --version` says; None to ask it.

    Raises:
        UnfitError: It cannot; with all reasons.
    """
    problems = [_system(root)]
    if not any(problems):
        problems += [_systemd(root, version), *map(_no_programs, _folders(root, PROGRAMS))]
        problems += map(_not_written, _folders(root, WRITTEN))
        problems += full(root)
    told = list(dict.fromkeys(filter(None, problems)))
    if told:
        raise UnfitError("; ".join(told) + "; nothing was changed")


def _system(root: Path) -> str:
    if all((root / "usr/bin" / tool).exists() for tool in ("dpkg-query", "apt-get")):
        return ""
    return f"this host is {_name(root)}, which has no apt; expected {EXPECTED}"


def _name(root: Path) -> str:
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "no known distribution"
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)"?', text, re.MULTILINE)
    return found[1] if found else "no known distribution"


def _systemd(root: Path, version: str | None) -> str:
    # As sd_booted(3) finds out.
    if not (root / "run/systemd/system").is_dir():
        return (
            f"systemd does not run this host, but {_first_process(root)}; expected {EXPECTED}; a "
            "container needs an image that boots it"
        )
    found = re.match(r"systemd (\d+)", _version() if version is None else version)
    if found and int(found[1]) < SYSTEMD:
        return (
            f"systemd on this host ({_name(root)}) is version {found[1]}; expected {SYSTEMD} or "
            f"later: {EXPECTED}"
        )
    return ""


def _version() -> str:
    try:
        asked = ["systemctl", "--version"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def _first_process(root: Path) -> str:
    try:
        return (root / "proc/1/comm").read_text().strip() or "something else"
    except OSError:
        return "something else"


def _folders(root: Path, names: tuple[str, ...]) -> list[Path]:
    return [root / name for name in names if (root / name).is_dir()]


def forbids_programs(folder: str | Path) -> bool:
    """Return whether no program may run from a folder: its file system is mounted noexec."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def _no_programs(folder: Path) -> str:
    if not forbids_programs(folder):
        return ""
    return (
        f"the file system of {folder} is mounted noexec, and releases are programs that run from "
        f"there; mount it without noexec (`mount -o remount,exec {folder}`, and /etc/fstab)"
    )


def _not_written(folder: Path) -> str:
    if not os.statvfs(folder).f_flag & os.ST_RDONLY:
        return ""
    return (
        f"the file system of {folder} is mounted read-only, and a deploy writes there; mount it "
        f"for writing (`mount -o remount,rw {folder}`, and /etc/fstab)"
    )
