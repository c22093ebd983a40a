"""Checks of the variables that say what an application needs beyond the sandbox's least."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import ANY, NAMED
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import boolean

#: Keys of `app_sandbox`.
NEEDS = ("jit", "netlink")
#: Nothing in these may be written: the host's own, and what ProtectHome= hides in any case.
SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/proc"),
    *("/root", "/run", "/sbin", "/sys", "/usr", "/var/run", "/var/lock"),
    *("/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd", "/var/log/journal", "/var/spool/cron"),
)
#: Folders that hold those of others: only something below them can be one application's.
SHARED = (
    *("/", "/media", "/mnt", "/opt", "/srv", "/var"),
    *("/var/cache", "/var/lib", "/var/log", "/var/opt", "/var/spool"),
)
#: Where an application's own folders are, which asgi.fleet makes.
OWN = ("/opt", "/var/lib", "/var/cache")
#: Devices that are the machine itself: its memory, its ports, its disks.
MACHINE = re.compile(
    r"/dev/(mem|kmem|kmsg|port|core|autofs|(sd|vd|hd|xvd|nvme|mmcblk|dm-|md|loop|sr|ram|zram)\w*"
    r"|(mapper|disk|block|vfio|cpu)(/.*)?)"
)

# Anything else would have a meaning of its own in a unit: a specifier, a quote, a second path.
_PATH = re.compile(r"(/[A-Za-z0-9._@+,=~-]+)+|/")
_INSIDE = re.compile(
    r"[A-Za-z0-9._@+,=~][A-Za-z0-9._@+,=~-]*(/[A-Za-z0-9._@+,=~][A-Za-z0-9._@+,=~-]*)*"
)
#: What an application may write on the host.
WRITABLE = "an absolute path such as /srv/uploads"


def network_allow(value: object, findings: Findings) -> list[str]:
    """Check what an application may connect to: names, and networks in CIDR notation."""
    expected = f"{', '.join((ANY, *NAMED))}, or a network such as 10.0.0.0/8"
    entries = value if isinstance(value, list) else [value]
    normal: list[str] = []
    for index, entry in enumerate(entries):
        at = f"[{index}]" if isinstance(value, list) else ""
        if entry in (ANY, *NAMED):
            normal.append(str(entry))
            continue
        try:
            network = ipaddress.ip_network(entry if isinstance(entry, str) else "", strict=False)
        except ValueError:
            findings.refuse(seen(entry), expected, at=at)
            continue
        host = str(entry).partition("/")[0]
        if ipaddress.ip_address(host) != network.network_address:
            findings.refuse(
                seen(entry), f"the address of a network, such as {network}, or a single one", at=at
            )
        elif network.prefixlen == 0:
            findings.refuse(
                seen(entry), f"{ANY}, localhost and link-local for everything, each by name", at=at
            )
        normal.append(str(network))
    return list(dict.fromkeys(normal))


def writable_paths(value: object, findings: Findings) -> list[str | dict[str, Any]]:
    """Check what an application may write: paths of its own on the host, and inside its source.

    Returns:
        Paths, and for what is not kept over releases mappings of `path` and `keep`.
    """
    entries = value if isinstance(value, list) else [value]
    normal: list[str | dict[str, Any]] = []
    for index, entry in enumerate(entries):
        at = f"[{index}]" if isinstance(value, list) else ""
        given = entry if isinstance(entry, dict) else {"path": entry}
        keep = _keep(given, findings, at)
        path = given.get("path")
        if not isinstance(path, str) or not path.startswith("/"):
            path = _inside(path, findings, at)
            normal.append(path if keep else {"path": path, "keep": False})
        elif not keep:
            findings.refuse(
                f"{path} with keep: false",
                "keep: false only for a path inside of the source",
                "remove keep",
                at=at,
            )
        elif _is_path(path, findings, WRITABLE, at) and _is_ones_own(path, findings):
            normal.append(path)
    _refuse_nested([_path_of(entry) for entry in normal], findings)
    return normal


def _keep(given: Mapping[Any, Any], findings: Findings, at: str) -> bool:
    """Return whether an entry is kept over releases."""
    for key in sorted(str(key) for key in given.keys() - {"path", "keep"}):
        findings.refuse(f"not a key: {key}", "path and keep", "remove it", at=at)
    inner = Findings(f"{findings.variable}{at}.keep", findings.advice)
    keep = boolean(given.get("keep", True), inner)
    findings.problems += [Problem(findings.variable, problem.message) for problem in inner.problems]
    return keep


def _inside(value: object, findings: Findings, at: str) -> str:
    """Check a path inside of the source, and return it without `./` before it."""
    path = value if isinstance(value, str) else ""
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    bare = path.removesuffix("/")
    if not _INSIDE.fullmatch(bare) or posixpath.normpath(bare) != bare or bare.startswith(".."):
        findings.refuse(
            seen(value),
            f"{WRITABLE}, or a path inside of the source such as uploads; of letters, digits and "
            "._@+,=~-, without ..",
            at=at,
        )
    elif bare == "." or bare.split("/")[0] in (".venv", "venv"):
        findings.refuse(
            seen(value),
            "a folder or a file inside of the source, and not all of it, nor what is installed",
            "name the folder in it that the application writes",
            at=at,
        )
    return path


def _path_of(entry: str | Mapping[str, Any]) -> str:
    return entry if isinstance(entry, str) else str(entry["path"])


def _refuse_nested(paths: Sequence[str], findings: Findings) -> None:
    """Refuse a path inside of the source that is given twice, or that lies in another."""
    inside = [path.rstrip("/") for path in paths if path and not path.startswith("/")]
    for index, path in enumerate(inside):
        for other in inside[:index] + inside[index + 1 :]:
            # Of two that are equal, the second.
            if _is_within(path, other) and (path != other or path in inside[:index]):
                findings.refuse(f"{path}, which lies in {other}", "each path once", "remove one")
                break


def devices(value: object, findings: Findings) -> list[str]:
    """Check devices that an application may use: none that is the machine itself."""
    expected = "the path of a device, such as /dev/nvidia0"
    normal = []
    for entry in _paths(value, findings, expected):
        if not entry.startswith("/dev/") or MACHINE.fullmatch(entry):
            findings.refuse(
                entry, f"{expected}; none of a disk, of memory or of the machine", "remove it"
            )
        normal.append(entry)
    return normal


def needs(value: object, findings: Findings) -> dict[str, bool]:
    """Check what else an application needs: `jit` and `netlink`."""
    given = value if isinstance(value, dict) else {}
    if not isinstance(value, dict):
        findings.refuse(seen(value), f"a mapping of {' and '.join(NEEDS)} to true or false")
    for key in sorted(str(key) for key in given.keys() - set(NEEDS)):
        findings.refuse("not a key", " and ".join(NEEDS), "remove it", at=f".{key}")
    normal = {}
    for name in NEEDS:
        inner = Findings(f"{findings.variable}.{name}", findings.advice)
        normal[name] = boolean(given.get(name, False), inner)
        findings.problems += [
            Problem(findings.variable, problem.message) for problem in inner.problems
        ]
    return normal


def foreign_paths(deployment: Mapping[str, Any], others: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each writable path that is another application's.

    Args:
        deployment: The checked variables of a host.
        others: Names of the other applications on its machine, each with its inventory name.
    """
    findings = Findings("app_writable_paths")
    for path in map(_path_of, deployment.get("app_writable_paths", [])):
        for name, host in others.items():
            if any(_is_within(path, f"{parent}/{name}") for parent in OWN):
                findings.refuse(
                    f"{path}, which is of the application {name} ({host})",
                    "a path of its own",
                    "share a folder below /srv that belongs to neither, or remove the path",
                )
    return findings.problems


def _paths(value: object, findings: Findings, expected: str) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    return [
        entry
        for index, entry in enumerate(entries)
        if _is_path(entry, findings, expected, f"[{index}]" if isinstance(value, list) else "")
    ]


def _is_path(entry: object, findings: Findings, expected: str, at: str) -> bool:
    text = entry if isinstance(entry, str) else ""
    if _PATH.fullmatch(text) and posixpath.normpath(text) == text:
        return True
    findings.refuse(
        seen(entry),
        f"{expected}, of letters, digits and ._@+,=~-, without .. and without / at its end",
        at=at,
    )
    return False


def _is_ones_own(path: str, findings: Findings) -> bool:
    told = "a path that is the application's alone, such as /srv/uploads or one below /var/opt"
    if path in SHARED:
        findings.refuse(f"{path}, which is shared with others", told, "name the folder below it")
    elif any(_is_within(path, folder) for folder in SYSTEM):
        findings.refuse(f"{path}, which is the system's own", told)
    elif re.fullmatch(r"/opt/[^/]+/(releases|slots)(/.*)?", path):
        findings.refuse(f"{path}, which is of releases and never changes", told)
    else:
        return True
    return False


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
