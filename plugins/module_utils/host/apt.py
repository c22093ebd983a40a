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
from collections.abc import Callable, Iterable, Sequence
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
#: What dpkg-query tells of each package.
FIELDS = ("Package", "Architecture", "db:Status-Status", "Version", "Provides")


class AptError(Exception):
    """apt cannot be used now; the message says why, and what to do."""


def missing(wanted: Iterable[str], listing: str) -> list[str]:
    """Return the packages that apt has to be asked for.

    Args:
        wanted: Names, perhaps with `:architecture` or `=version`. What else apt understands, such
            as a pattern, only apt can judge: it counts as missing.
        listing: From `installed_packages`.
    """
    versions: dict[str, str] = {}
    provided: set[str] = set()
    native = ""
    rows = [line.split("\t") for line in listing.splitlines()]
    rows = [row for row in rows if len(row) == len(FIELDS) and row[2] == "installed"]
    for name, architecture, _status, version, provides in rows:
        versions[f"{name}:{architecture}"] = version
        provided |= {entry.split()[0] for entry in provides.split(",") if entry.strip()}
        # dpkg itself is of the host's own architecture.
        native = architecture if name == "dpkg" else native
    lacking = []
    for entry in wanted:
        name, _equals, version = entry.partition("=")
        own = [name] if ":" in name else [f"{name}:{kind}" for kind in (native, "all")]
        found = next((versions[key] for key in own if key in versions), None)
        if found is None:
            holds = name in provided and not version
        else:
            holds = not version or fnmatch.fnmatchcase(found, version)
        if not holds:
            lacking.append(entry)
    return lacking


def installed_packages() -> str:
    """Return dpkg's list of packages: a line for each, with `FIELDS` between tabs.

    Raises:
        AptError: The host has no dpkg.
    """
    form = "\\t".join(f"${{{name}}}" for name in FIELDS) + "\\n"
    try:
        return subprocess.run(
            ["dpkg-query", "--show", f"--showformat={form}"],
            capture_output=True,
            text=True,
            check=True,
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
