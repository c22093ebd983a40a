"""Which security updates a host has not installed, of the packages that carry its requests.

Only reads, and asks no archive: what counts is what the host's package lists say. Unattended
upgrades leave nginx and HAProxy out, because an upgrade restarts them, so somebody has to be told.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Update, Updates

#: The packages, as patterns of dpkg-query(1).
PACKAGES = (
    *("nginx*", "libnginx*", "haproxy"),
    *("openssl", "libssl*", "python3.*", "libpython3.*"),
)
#: Seconds that each question to apt or dpkg may take; with its cache it needs some hundredths.
TIMEOUT = 20
#: Where apt keeps its lists, and what it or its daily job touches when it has fetched them.
LISTS = (
    *("/var/lib/apt/lists", "/var/lib/apt/lists/partial"),
    *("/var/lib/apt/periodic/update-stamp", "/var/lib/apt/periodic/update-success-stamp"),
)
#: Written by the hooks of the kernel's and other packages, with the packages' names beside it.
REBOOT = "/run/reboot-required"
#: Bytes that are read of a file.
MOST_BYTES = 64 * 1024

#: `500 http://mirror.example.com/debian-security trixie-security/main amd64 Packages`
ARCHIVE = re.compile(r" *(-?\d+) (\S.*)")
#: ` *** 1.22.1-9 500` or `     1.22.1-9 500`: three stars mark the installed version.
VERSION = re.compile(r" (\*\*\*|   ) (\S+) (-?\d+)")
#: `     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main`
RELEASE = re.compile(r"\b[anl]=[^,]*-security(?:,|$)", re.IGNORECASE)


def updates(names: Sequence[str] = PACKAGES) -> Updates:
    """Return what waits on this host; what could not be found out is told in `error`."""
    found: Updates = {
        "waiting": [],
        "lists_at": lists_at(LISTS),
        "reboot_required": os.path.exists(REBOOT),
        "reboot_packages": sorted(set(_read(f"{REBOOT}.pkgs").split())),
        "error": "",
    }
    try:
        held = installed(_ask("dpkg-query", "--show", FORMAT, *names))
        if held:
            archives = security_archives(_ask("apt-cache", "policy"))
            found["waiting"] = waiting(_ask("apt-cache", "policy", *held), archives, held)
    except (OSError, subprocess.SubprocessError) as error:
        found["error"] = str(error)
    return found


FORMAT = "--showformat=${db:Status-Status}\\t${db:Status-Want}\\t${Package}\\n"


def installed(listing: str) -> dict[str, bool]:
    """Return the installed packages, and whether each is held (`apt-mark hold`).

    Args:
        listing: What dpkg-query printed in `FORMAT`.
    """
    rows = [line.split("\t") for line in listing.splitlines()]
    return {
        name: want == "hold"
        for status, want, name in sorted(rows, key=lambda row: row[-1])
        if status == "installed"
    }


def security_archives(policy: str) -> set[str]:
    """Return the archives with security updates, as `apt-cache policy` names them.

    An archive is one if its suite, codename or label says so: `stable-security`, `noble-security`,
    `Debian-Security`.

    Args:
        policy: What `apt-cache policy` printed without a package.
    """
    archives: set[str] = set()
    name = ""
    for line in policy.splitlines():
        if line.lstrip().startswith("release "):
            if RELEASE.search(line.rstrip()):
                archives.add(name)
        elif match := ARCHIVE.fullmatch(line):
            name = match.group(2)
    return archives


def waiting(policy: str, archives: Iterable[str], held: Mapping[str, bool]) -> list[Update]:
    """Return the packages of which a security archive has a newer version than the installed one.

    Not only the candidate counts: an archive of other updates may have a version that is newer
    still, and includes the fix.

    Args:
        policy: What `apt-cache policy` printed of the packages. It lists the newest version first.
        archives: From `security_archives`.
        held: From `installed`.
    """
    security = set(archives)
    found: dict[str, Update] = {}
    package = version = ""
    before, allowed = False, False
    for line in policy.splitlines():
        if line and not line.startswith(" "):
            package, before, version = line.rstrip(":"), True, ""
        elif match := VERSION.fullmatch(line):
            version, allowed = match.group(2), int(match.group(3)) >= 0
            # A version that may not be installed, by a pin below 0, does not wait.
            if match.group(1) == "***":
                before = False
                if package in found:
                    found[package]["installed"] = version
        elif match := ARCHIVE.fullmatch(line):
            newer = before and allowed and version and package not in found
            if newer and match.group(2) in security:
                found[package] = {
                    "package": package,
                    "installed": "",
                    "version": version,
                    "held": held.get(package, False),
                }
    return list(found.values())


def lists_at(paths: Iterable[str]) -> int:
    """Return when the package lists were last fetched (Unix time); 0 if that is not known."""
    times = [0]
    for path in paths:
        try:
            times.append(int(os.stat(path).st_mtime))
        except OSError:
            continue
    return max(times)


def _ask(*command: str) -> str:
    # dpkg-query's exit status is 1 if one of the patterns fits no package.
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=TIMEOUT,
        env={**os.environ, "LC_ALL": "C", "LANGUAGE": "C"},
    ).stdout


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return ""
