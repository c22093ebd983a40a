"""Whether apt can work on a host now: who else uses it, and what it left undone.

Cloud-init at a first boot, unattended upgrades and operators use apt too. It is waited for, and a
refusal says who it is. Asks no mirror.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import fcntl
import fnmatch
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

#: Held while packages or their lists are changed, by fcntl(2).
LOCKS = (
    *("var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock"),
    *("var/lib/apt/lists/lock", "var/cache/apt/archives/lock"),
)
#: What dpkg has begun and not ended: a file for each step, its name a number.
UPDATES = "var/lib/dpkg/updates"
#: There from the beginning of cloud-init, and from its end.
CLOUD_INIT = ("run/cloud-init/status.json", "run/cloud-init/result.json")
#: Seconds between two looks.
PAUSE = 1.0
#: As the kernel has `struct flock`, wherever off_t has 64 bits.
_FLOCK = "hhqqi"
#: Programs that run another one, whose name says more.
_INTERPRETERS = ("python*", "perl*", "sh", "bash", "dash", "sudo")
#: dpkg-query's line of a package.
FORMAT = (
    "--showformat=${db:Status-Status}\\t${Package}\\t${Architecture}\\t${Version}\\t${Provides}\\n"
)


class AptError(Exception):
    """apt cannot be used now; the message says why, and what to do."""


def missing(names: Iterable[str], listing: str) -> list[str]:
    """Return what is not installed.

    Args:
        names: Packages as apt takes them, `name`, `name:architecture` or `name=version`; the
            version may be a pattern. What else apt takes counts as missing: apt decides.
        listing: What dpkg-query printed in `FORMAT`.
    """
    versions: dict[str, str] = {}
    for line in listing.splitlines():
        status, name, architecture, version, provides = (*line.split("\t"), "", "", "", "")[:5]
        if status != "installed":
            continue
        virtual = (one.split("(")[0].strip() for one in provides.split(","))
        # A virtual package has no version that could be asked for.
        versions.update(dict.fromkeys(filter(None, virtual), ""))
        versions.update({name: version, f"{name}:{architecture}": version})
    return [name for name in names if not _is_there(name, versions)]


def _is_there(wanted: str, versions: Mapping[str, str]) -> bool:
    name, asks, version = wanted.partition("=")
    return name in versions and (not asks or fnmatch.fnmatchcase(versions[name], version))


def installed_packages() -> str:
    """Return dpkg's listing of all packages, in `FORMAT`.

    Raises:
        AptError: The host has no dpkg.
    """
    try:
        return subprocess.run(
            ["dpkg-query", "--show", FORMAT], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise AptError(
            f"dpkg-query on this host failed ({error}); expected Debian or Ubuntu; name another "
            "host, or mend dpkg"
        ) from error


def wait_until_free(
    seconds: float,
    *,
    root: Path = Path("/"),
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> str:
    """Wait until nobody else uses apt, and return whom it waited for, or an empty text.

    Raises:
        AptError: Somebody still uses it, or dpkg was interrupted.
    """
    until = now() + seconds
    waited = ""
    while found := _user_of_apt(root):
        if now() >= until:
            break
        waited = found
        sleep(PAUSE)
    if found and not found.startswith("cloud-init"):
        raise AptError(
            f"apt on this host is in use: {found}, for more than {seconds:g} seconds; run the same "
            "command again when it has ended; `ps` and `journalctl` on the host show what it does"
        )
    refuse_interrupted(root)
    return found or waited


def refuse_interrupted(root: Path = Path("/")) -> None:
    """Refuse a host on which dpkg was ended in the middle.

    Raises:
        AptError: It was.
    """
    if any(path.name.isdigit() for path in (root / UPDATES).glob("*")):
        raise AptError(
            "dpkg was interrupted on this host, and apt refuses to go on; run "
            "`dpkg --configure -a` on the host as root, and then the same command again"
        )


def _user_of_apt(root: Path) -> str:
    """Return who uses apt now, for people, or an empty text."""
    for path in LOCKS:
        holder = lock_holder(root / path)
        if holder:
            return f"{program(holder, root / 'proc')} (pid {holder}) holds /{path}"
    began, ended = (root / path for path in CLOUD_INIT)
    if began.exists() and not ended.exists():
        return "cloud-init still prepares the host (`cloud-init status --long`)"
    return ""


def lock_holder(path: Path) -> int:
    """Return the process that holds a lock on a file; 0 for none."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        with path.open("rb") as file:
            answer = fcntl.fcntl(file.fileno(), fcntl.F_GETLK, asked)
    except OSError:
        return 0
    kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, answer)
    return 0 if kind == fcntl.F_UNLCK else int(pid)


def program(pid: int, proc: Path = Path("/proc")) -> str:
    """Return the name of a process's program; that of the script where an interpreter runs one."""
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "a process"
    names = [os.path.basename(word) for word in words if word and not word.startswith("-")]
    own = [name for name in names if not any(fnmatch.fnmatch(name, one) for one in _INTERPRETERS)]
    return (own or names or ["a process"])[0]


def is_known(names: Sequence[str], policy: str) -> list[str]:
    """Return those names that apt can install, as `apt-cache policy` tells of them.

    Args:
        names: As `missing` takes them.
        policy: What it printed of them, without their versions.
    """
    known = set()
    package = ""
    for line in policy.splitlines():
        if line and not line.startswith(" "):
            package = line.rstrip(":")
        elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
            known.add(package)
    return [name for name in names if bare(name) in known or bare(name).split(":")[0] in known]


def bare(name: str) -> str:
    """Return a package's name without its version or release."""
    return name.partition("=")[0].partition("/")[0]
