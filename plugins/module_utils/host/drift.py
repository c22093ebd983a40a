"""How a host differs from its baseline: packages, clock, firewall, kernel parameters, files.

Reads only. What is on the host is found below a root, so that a test can hand in a tree of its own,
and through programs whose output pure functions judge.
"""

# ansible-test asks for the module's run_command, which this code does not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.apt import installed_packages, missing
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import systemctl

#: Programs of chrony, ntp, ntpsec and openntpd. Their packages conflict with each other and with
#: systemd-timesyncd: apt would remove the one that somebody chose.
OTHER_TIME_DAEMONS = ("usr/sbin/chronyd", "usr/sbin/ntpd")
TIMESYNCD = "systemd-timesyncd"
#: A container has the clock of its machine. systemd leaves this file in one (CONTAINER_INTERFACE).
CONTAINER_MARK = "run/systemd/container"
FIREWALL_UNIT = "ufw.service"
FILE_MODE = 0o644
#: How ansible.posix.sysctl, which sets the parameters, understands a word.
SWITCHES = {
    **dict.fromkeys(("y", "yes", "on", "t", "true", "1.0"), "1"),
    **dict.fromkeys(("n", "no", "off", "f", "false", "0.0"), "0"),
}


@dataclass(frozen=True)
class Baseline:
    """What is wanted of a host; an empty value leaves that part of the host alone.

    Attributes:
        packages: Packages to have installed, as apt names them.
        time_sync: Keep the clock with systemd-timesyncd, unless there is another time daemon.
        timezone: Name of the time zone.
        firewall: Whether ufw has to come up at boot.
        sysctl: Kernel parameters by name.
        sysctl_file: The file that sets them at boot.
        files: Content of files by absolute path.
        absent_files: Paths at which nothing may be.
    """

    packages: Sequence[str] = ()
    time_sync: bool = False
    timezone: str = ""
    firewall: bool = False
    sysctl: Mapping[str, str] = field(default_factory=dict)
    sysctl_file: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    absent_files: Sequence[str] = ()


def find_drift(wanted: Baseline, root: Path = Path("/")) -> dict[str, list[str]]:
    """Return what differs on the host, by subject; a subject without a difference is left out.

    Returns:
        Names for `packages`, `units`, `timezone` and `sysctl`, paths for `files`.
    """
    timesyncd = wanted.time_sync and not has_other_time_daemon(root)
    packages = [*wanted.packages, *([TIMESYNCD] if timesyncd else [])]
    running = [f"{TIMESYNCD}.service"] if timesyncd and not in_container(root) else []
    at_boot = running + ([FIREWALL_UNIT] if wanted.firewall else [])
    zone = wanted.timezone
    drift = {
        "packages": missing(packages, installed_packages()) if packages else [],
        "units": wrong_units(at_boot, running, unit_states(at_boot)) if at_boot else [],
        "timezone": [zone] if zone and zone != current_timezone(root) else [],
        "sysctl": wrong_parameters(wanted.sysctl, wanted.sysctl_file, root),
        "files": wrong_files(wanted.files, root)
        + [path for path in wanted.absent_files if os.path.lexists(below(root, path))],
    }
    return {subject: found for subject, found in drift.items() if found}


def has_other_time_daemon(root: Path) -> bool:
    """Tell whether another program than systemd-timesyncd keeps the clock."""
    return any((root / program).exists() for program in OTHER_TIME_DAEMONS)


def in_container(root: Path) -> bool:
    """Tell whether the host is a container."""
    return (root / CONTAINER_MARK).exists()


def current_timezone(root: Path) -> str:
    """Return the name of the time zone; empty if the link has no name for it (localtime(5))."""
    path = root / "etc/localtime"
    if not os.path.lexists(path):
        return "UTC"
    return os.readlink(path).rpartition("zoneinfo/")[2] if path.is_symlink() else ""


def wrong_units(at_boot: Sequence[str], running: Iterable[str], states: str) -> list[str]:
    """Return the units that do not start at boot, or do not run.

    Args:
        at_boot: Units that have to be enabled.
        running: Those of them that have to run as well.
        states: From `unit_states(at_boot)`.
    """
    blocks = [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in states.strip().split("\n\n")
    ]
    running = set(running)
    return [
        unit
        for unit, state in zip(at_boot, blocks, strict=True)
        if state["UnitFileState"] != "enabled"
        or (unit in running and state["ActiveState"] != "active")
    ]


def unit_states(units: Sequence[str]) -> str:
    """Return what systemctl(1) shows of the units: a block of `name=value` for each."""
    return systemctl("show", "--property=UnitFileState,ActiveState", *units)


def wrong_parameters(wanted: Mapping[str, str], file: str, root: Path) -> list[str]:
    """Return the kernel parameters that have another value now, or would have at boot."""
    if not wanted:
        return []
    at_boot = parse_parameters(read_text(below(root, file)))
    return [
        name
        for name, value in wanted.items()
        if at_boot.get(name) != normal_value(value)
        or read_text(parameter_path(root, name)).split() != normal_value(value).split()
    ]


def normal_value(value: str) -> str:
    """Return a value as it is written for the kernel."""
    return SWITCHES.get(value.lower(), value.strip())


def parameter_path(root: Path, name: str) -> Path:
    """Return the file of a parameter; with a slash first, dots belong to names (sysctl(8))."""
    separator = next((letter for letter in name if letter in "./"), ".")
    swapped = name if separator == "/" else name.translate(str.maketrans("./", "/."))
    return root / "proc/sys" / swapped


def parse_parameters(text: str) -> dict[str, str]:
    """Read a file of sysctl.d(5); of several lines for a parameter the last one counts."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if "=" in line and line[0] not in "#;"]
    return {name.strip(): value.strip() for name, _equals, value in pairs}


def wrong_files(wanted: Mapping[str, str], root: Path) -> list[str]:
    """Return the paths that are no files with this content, mode and owner."""
    return [
        path
        for path, text in wanted.items()
        if not is_proper(below(root, path)) or read_text(below(root, path)) != text
    ]


def is_proper(path: Path) -> bool:
    """Tell whether there is a file of the user that runs this, with the mode 0644, and no link."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return (
        stat.S_ISREG(status.st_mode)
        and stat.S_IMODE(status.st_mode) == FILE_MODE
        and (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())
    )


def below(root: Path, path: str) -> Path:
    """Return where an absolute path lies below a root."""
    return root / path.lstrip("/")


def read_text(path: Path) -> str:
    """Return a file's text; empty if it cannot be read."""
    try:
        # As bytes: universal newlines would hide that a file has others.
        return path.read_bytes().decode(errors="surrogateescape")
    except OSError:
        return ""
