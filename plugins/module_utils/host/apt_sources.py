"""The package lists of a host, and its package sources that fail.

A source that somebody else has added, and whose server is gone, must not keep the host from what
the other sources have.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.apt import (
    AptError,
    bare,
    is_known,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.packages import out_of_reach

#: Seconds for which fetched lists are good enough to install from.
VALID_SECONDS = 3600
#: Where apt keeps its lists; the time of the folders is that of the last fetch, failed or not.
LISTS = ("var/lib/apt/lists", "var/lib/apt/lists/partial")
#: Once more, and not for minutes: apt waits 30 seconds for each answer.
UPDATE = ("apt-get", "--option=Acquire::Retries=1", "update")
#: Where sources are named.
SOURCES = (
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/*.list",
    "etc/apt/sources.list.d/*.sources",
)
#: What apt says of a list that it has fetched, or that is still the newest.
_FETCHED = re.compile(r"^(?:Get|Hit):\d", re.MULTILINE)
_PROBLEM = re.compile(r"^[WE]: (.*)$", re.MULTILINE)
_URL = re.compile(r"\b(?:https?|ftp|mirror(?:\+\w+)?|file|copy|cdrom)://?[^\s'\"]+")
#: What apt says besides the reason, at the end.
_NO_REASON = (
    "Some index files failed to download",
    "Updating from such a repository can't be done securely",
    "See apt-secure",
)
#: What helps, beyond waiting for the server.
_ADVICE = (
    (
        r"changed its '\w+' value",
        "if that is as expected, run `apt-get update --allow-releaseinfo-change` on the host",
    ),
    (
        r"NO_PUBKEY|not signed|signature verification|EXPKEYSIG|Missing key",
        "its key is missing or has expired: bring the present one to the host",
    ),
    (r"is not valid yet|expired since|is expired", "compare the clock of the host (`date`)"),
)


def refresh(
    names: Sequence[str], *, valid: float = VALID_SECONDS, root: Path = Path("/")
) -> list[str]:
    """Fetch the package lists if they are old, or do not know a package.

    Args:
        names: Packages that are to be installed.
        valid: How old the lists may be, in seconds; 0 for an upgrade, which needs new ones.
        root: `/`, or a test's tree.

    Returns:
        A warning for each source that failed without being needed.

    Raises:
        AptError: A source failed, and a package is unknown without it; or all of them failed, and
            what an upgrade would bring is not known.
    """
    if age(root) < valid and len(known(names)) == len(names):
        return []
    result = subprocess.run([*UPDATE], capture_output=True, text=True, check=False)
    output = f"{result.stdout}\n{result.stderr}"
    problems = failures(output, root)
    if not problems and result.returncode != 0:
        problems = [f"apt-get update failed with exit status {result.returncode}"]
    if problems and not valid and not _FETCHED.search(output):
        raise AptError(
            "apt on this host can fetch none of its package lists, so that it knows of no newer "
            f"packages: {'; '.join(problems)}; mend the sources, or their way to the network, and "
            "run the same command again"
        )
    unknown = [name for name in names if name not in known(names)] if problems else []
    if unknown and not has_lists(root):
        told = out_of_reach(unknown, result.stdout + "\n" + result.stderr)
        if told:
            raise AptError(told)
    if unknown:
        raise AptError(
            f"apt on this host does not know {', '.join(unknown)}, and not all package lists can "
            f"be fetched: {'; '.join(problems)}; mend or remove the source, and run the same "
            "command again"
        )
    return [f"a package source of this host was passed over: {problem}" for problem in problems]


def known(names: Sequence[str]) -> list[str]:
    """Return those packages that the lists of this host have."""
    if not names:
        return []
    policy = subprocess.run(
        ["apt-cache", "policy", *map(bare, names)], capture_output=True, text=True, check=False
    )
    return is_known(names, policy.stdout)


def has_lists(root: Path = Path("/")) -> bool:
    """Return whether the host has any package list."""
    return any((root / LISTS[0]).glob("*_Packages*"))


def age(root: Path = Path("/")) -> float:
    """Return how many seconds ago the lists were fetched; infinity if there are none."""
    # A fresh image has none, and a new folder for them.
    if not has_lists(root):
        return float("inf")
    times = [path.stat().st_mtime for path in map(root.joinpath, LISTS) if path.exists()]
    return time.time() - max(times)


def failures(output: str, root: Path = Path("/")) -> list[str]:
    """Return what failed, a text for each source with the file that names it.

    Args:
        output: What `apt-get update` printed.
        root: `/`, or a test's tree.
    """
    told: dict[str, str] = {}
    for match in _PROBLEM.finditer(output):
        text = match[1].strip()
        if text.startswith(_NO_REASON):
            continue
        found = _URL.search(text)
        file, uri = source_of(found[0], root) if found else ("", "")
        # The first text of a source has the reason.
        told.setdefault(uri or text, _told(text, file))
    return list(told.values())


def _told(text: str, file: str) -> str:
    advice = "".join(f"; {helps}" for pattern, helps in _ADVICE if re.search(pattern, text))
    return f"{text.rstrip('.')}{f' (named in {file})' if file else ''}{advice}"


def source_of(url: str, root: Path = Path("/")) -> tuple[str, str]:
    """Return the file that names a source, and its URI there; empty texts for an unknown one."""
    best = ("", "")
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            for uri in _uris(path):
                if _begins(url, uri) and len(uri) > len(best[1]):
                    best = (f"/{path.relative_to(root)}", uri)
    return best


def _uris(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return [found.rstrip("/") for found in _URL.findall(text)]


def _begins(url: str, uri: str) -> bool:
    return f"{url}/".startswith(f"{uri}/")
