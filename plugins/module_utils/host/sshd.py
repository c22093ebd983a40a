"""What sshd lets in: its settings as it reads them, and a file of our own among them.

The first value that sshd finds counts, not the last (sshd_config(5)), and values of a matching
`Match` block count more than those. So what a file says proves nothing: sshd is asked (`sshd -T`).
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session

ROOT = Path("/")
MAIN = "etc/ssh/sshd_config"
FOLDER = "etc/ssh/sshd_config.d"
#: Sorts before those of cloud-init (50-cloud-init.conf), which allows passwords.
DROP_IN = f"{FOLDER}/00-asgi-fleet.conf"
INCLUDE = f"Include /{FOLDER}/*.conf"
HEADER = (
    "# Made by playbooks/bootstrap.yml of asgi.fleet, which replaces it. The first value that\n"
    "# sshd finds counts: this file has to sort before the others.\n"
)
CLOSE_ROOT = {"PermitRootLogin": "no"}
CLOSE_PASSWORDS = {"PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no"}
#: Debian and Ubuntu call it ssh; with a socket that accepts by itself, none of them runs.
UNITS = ("ssh.service", "sshd.service")
#: sshd wants its folder, which its unit makes.
PRIVILEGE_SEPARATION = "run/sshd"
_LINE = re.compile(r"\s*([A-Za-z]+)(?:\s+|\s*=\s*)(.*?)\s*$")
#: How deep sshd follows Include (servconf.c, SERVCONF_MAX_DEPTH).
_DEPTH = 16


class SshdError(Exception):
    """sshd cannot be asked, or does not do what is wanted; the message says why."""


class Setting(NamedTuple):
    """A value of a configuration file, and where it stands."""

    name: str
    value: str
    path: str
    line: int
    in_match: bool

    @property
    def where(self) -> str:
        """The place, for a message."""
        return f"{self.path}:{self.line}"


def wanted(*, close_root: bool, close_passwords: bool) -> dict[str, str]:
    """Return the settings that close what is to be closed."""
    return {
        **(CLOSE_ROOT if close_root else {}),
        **(CLOSE_PASSWORDS if close_passwords else {}),
    }


def drop_in_text(settings: Mapping[str, str]) -> str:
    """Return the content of our file; empty for no file."""
    if not settings:
        return ""
    # A host that allows no keys would have no way in at all.
    lines = {"PubkeyAuthentication": "yes", **settings}
    return HEADER + "".join(f"{name} {value}\n" for name, value in lines.items())


def effective(user: str, session: Session | None) -> dict[str, list[str]]:
    """Return what sshd would do with a log-in, by lower-case name: a list of values for each.

    Args:
        user: Who logs in.
        session: From where, and where to.

    Raises:
        SshdError: sshd does not accept its configuration, or is not there.
    """
    came = session or Session("127.0.0.1", 0, "127.0.0.1", 22)
    by = f"user={user},host={came.client},addr={came.client},laddr={came.server},lport={came.port}"
    found: dict[str, list[str]] = {}
    for line in _sshd("-T", "-C", by).splitlines():
        name, _space, value = line.partition(" ")
        found.setdefault(name.lower(), []).append(value.strip())
    return found


def refuse_broken() -> None:
    """Have sshd read its configuration.

    Raises:
        SshdError: With what it says.
    """
    _sshd("-t")


def unmet(settings: Mapping[str, str], users: Iterable[str], session: Session | None) -> list[str]:
    """Return what sshd does otherwise than the settings say, for each user: empty if nothing."""
    told = []
    for user in users:
        found = effective(user, session)
        for name, value in settings.items():
            got = found.get(name.lower(), ["unknown"])[0]
            if got != value:
                told.append(f"{name} is {got} for {user}")
    return told


def refused_account(found: Mapping[str, list[str]], user: str, groups: Iterable[str]) -> str:
    """Return which setting keeps a user out, as it stands; empty if none does.

    What names hosts as well (`ada@10.0.0.*`) is left to the proof.
    """
    own = list(groups)
    for name, names, allows in (
        ("DenyUsers", [user], False),
        ("AllowUsers", [user], True),
        ("DenyGroups", own, False),
        ("AllowGroups", own, True),
    ):
        patterns = " ".join(found.get(name.lower(), [])).split()
        plain = [one for one in patterns if not one.startswith("!")]
        hit = any(
            fnmatch.fnmatchcase(mine, one.partition("@")[0])
            for mine in names
            for one in plain
            if allows or "@" not in one
        )
        if patterns and hit != allows:
            return f"{name} {' '.join(patterns)}"
    return ""


def key_files(found: Mapping[str, list[str]], user: str, home: str) -> list[Path]:
    """Return where sshd looks for a user's keys, first the one that it reads first."""
    names = " ".join(found.get("authorizedkeysfile", [".ssh/authorized_keys"])).split()
    tokens = {"%%": "%", "%h": home, "%u": user}
    texts = [re.sub("%[%hu]", lambda match: tokens[match[0]], name) for name in names]
    return [Path(home) / text for text in texts if text != "none"]


def settings_of(
    path: str = MAIN, *, root: Path = ROOT, files: Mapping[str, str] | None = None, depth: int = 0
) -> Iterator[Setting]:
    """Yield the values of the configuration in the order in which sshd reads them.

    Args:
        path: The file, below the root.
        root: The root of the file system.
        files: Content by path of files that are not there yet; empty for one that will be removed.
        depth: How many files include this one.
    """
    planned = dict(files or {})
    text = planned.get(path)
    if text is None:
        try:
            text = (root / path).read_text(errors="replace")
        except OSError:
            return
    in_match = False
    for number, line in enumerate(text.splitlines(), 1):
        found = None if line.lstrip().startswith("#") else _LINE.match(line)
        if not found:
            continue
        name, value = found[1].lower(), found[2].strip('"')
        if name == "match":
            in_match = value.lower() != "all"
        elif name == "include":
            if depth < _DEPTH:
                for inner in _included(value, root, planned):
                    for one in settings_of(inner, root=root, files=planned, depth=depth + 1):
                        yield one._replace(in_match=one.in_match or in_match)
        else:
            yield Setting(name, value, f"/{path}", number, in_match)


def obstacles(settings: Mapping[str, str], *, root: Path = ROOT) -> list[str]:
    """Return why our file would not count, with what to do; empty if it would.

    Of `Match` blocks only sshd knows whether they match: `unmet` asks it, once the file is there.
    """
    text = drop_in_text(settings)
    read = [one for one in settings_of(root=root, files={DROP_IN: text}) if not one.in_match]
    told = []
    for name, value in settings.items():
        first = next((one for one in read if one.name == name.lower()), None)
        if first is None:
            return [
                f"/{MAIN} does not read /{FOLDER}; expected `{INCLUDE}` in it; write that as its "
                "first line"
            ]
        if first.path != f"/{DROP_IN}" and first.value.lower() != value:
            told.append(
                f"{first.where} sets {name} {first.value} before /{DROP_IN} is read, and the first "
                f"value counts; expected {name} {value}; remove that line, or put it behind "
                f"`{INCLUDE}`"
            )
    return told


def reload_commands() -> list[str]:
    """Return the commands that make sshd read its configuration again.

    With a socket that starts one sshd for each connection (`Accept=yes`), none has to. One that was
    given its socket by systemd, as with the ssh.socket of Ubuntu and Debian, loses it when it is
    reloaded: it starts itself anew, cannot bind the port, and ends. A restart leaves sessions alone
    (`KillMode=process`), and the socket keeps whoever connects meanwhile.
    """
    running = next((unit for unit in UNITS if _is_active(unit)), "")
    if not running:
        return []
    sockets = _run("systemctl", "show", "--property=TriggeredBy", "--value", running).stdout.split()
    given = any(_is_active(unit) for unit in sockets)
    return [f"systemctl {'restart' if given else 'reload-or-restart'} {running}"]


def reload() -> None:
    """Make sshd read its configuration again.

    Raises:
        SshdError: It cannot.
    """
    for command in reload_commands():
        result = _run(*command.split())
        if result.returncode != 0:
            raise SshdError(f"{command} failed: {result.stderr.strip()}")


def _is_active(unit: str) -> bool:
    return _run("systemctl", "is-active", "--quiet", unit).returncode == 0


def _included(value: str, root: Path, planned: Mapping[str, str]) -> list[str]:
    """Return the files that an Include names, in sshd's order, below the root."""
    paths: list[str] = []
    for pattern in value.split():
        absolute = pattern.strip('"')
        relative = (absolute if absolute.startswith("/") else f"/etc/ssh/{absolute}").lstrip("/")
        # Of / nothing is left, which glob() refuses.
        found = root.glob(relative) if relative else ()
        there = {str(path.relative_to(root)) for path in found if path.is_file()}
        there |= {path for path in planned if fnmatch.fnmatchcase(path, relative)}
        paths += sorted(there)
    return paths


def _sshd(*arguments: str) -> str:
    folder = ROOT / PRIVILEGE_SEPARATION
    if not folder.exists():
        # With a socket alone, the unit that makes it may not have run.
        os.makedirs(folder, mode=0o755)
    try:
        result = _run("sshd", *arguments)
    except FileNotFoundError:
        raise SshdError(
            "this host has no sshd of OpenSSH in its PATH; expected the package openssh-server"
        ) from None
    if result.returncode != 0:
        told = result.stderr.strip() or result.stdout.strip()
        raise SshdError(f"sshd does not accept its configuration: {told}")
    return result.stdout


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, start_new_session=True
    )
