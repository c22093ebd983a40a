"""The account that a fleet is operated by: its keys, sudo without a password, and the closed rest.

What opens the host is added, and stays. What closes it (our file of sshd) is taken back by the host
itself, unless the operator comes back (`undo`).
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.host import sshd
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import find_account
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    read_plain,
    read_text,
    write_file,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session
from ansible_collections.asgi.fleet.plugins.module_utils.host.undo import WayBack
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.public_keys import (
    PublicKey,
    keys_of,
    parse,
)

UNDO_FOLDER = Path("/run/asgi-fleet-login")
SUDOERS = "etc/sudoers.d/99-asgi-fleet-{user}"
SUDOERS_TEXT = (
    "# Made by playbooks/bootstrap.yml of asgi.fleet, which replaces it.\n"
    "{user} ALL=(ALL:ALL) NOPASSWD: ALL\n"
)
SHELL = "/bin/bash"
#: Below it, an account is the distribution's (login.defs, UID_MIN).
FIRST_UID = 1000
#: Shells of accounts that cannot log in.
NO_SHELLS = ("nologin", "false", "sync", "halt", "shutdown", "true")
#: Whose members sudo lets become root, on Debian, Ubuntu and images of clouds.
ADMINISTRATORS = ("sudo", "admin", "wheel")
#: Options of a key with which nobody could work, or not for long.
LOCKING = ("command", "expiry-time", "cert-authority")


class LoginError(Exception):
    """The host cannot be opened or closed so; the message says why, and what to do."""


@dataclass(frozen=True)
class Wanted:
    """How the host is to be reached.

    Attributes:
        user: The account.
        keys: Lines of authorized_keys.
        close_root: Whether root may no longer log in.
        close_passwords: Whether nobody may log in by a password.
    """

    user: str
    keys: Sequence[str]
    close_root: bool = True
    close_passwords: bool = True

    @property
    def settings(self) -> dict[str, str]:
        """The settings of sshd that close what is to be closed."""
        return sshd.wanted(close_root=self.close_root, close_passwords=self.close_passwords)


@dataclass
class Plan:
    """What differs.

    Attributes:
        create: Whether the account is missing.
        key_file: Where its keys are.
        home: Its home.
        keys: Lines that are missing there.
        sudoers: Whether the file of sudo differs.
        closing: Whether our file of sshd differs, or was not proven.
        cut: What closing cuts, for an operator to read.
    """

    create: bool = False
    key_file: Path = Path()
    home: str = ""
    keys: list[str] = field(default_factory=list)
    sudoers: bool = False
    closing: bool = False
    cut: list[str] = field(default_factory=list)

    def opening(self, wanted: Wanted) -> list[str]:
        """Return what is done to open the host, a line for each."""
        lines = []
        if self.create:
            lines.append(f"make the account {wanted.user}, without a password")
        if self.keys:
            named = ", ".join(key.shown for key in keys_of("\n".join(self.keys)))
            lines.append(f"let in by {self.key_file}: {named}")
        if self.sudoers:
            file = SUDOERS.format(user=wanted.user)
            lines.append(f"let {wanted.user} become root without a password: /{file}")
        return lines

    def closes(self, wanted: Wanted) -> list[str]:
        """Return what is done to close the host, a line for each."""
        if not self.closing:
            return []
        if not wanted.settings:
            return [f"remove /{sshd.DROP_IN}"]
        closed = [
            *(["root"] if wanted.close_root else []),
            *(["passwords"] if wanted.close_passwords else []),
        ]
        return [f"close {' and '.join(closed)} for SSH: /{sshd.DROP_IN}", *self.cut]


def undo(folder: Path = UNDO_FOLDER) -> WayBack:
    """Return the way back of a host that is closed."""
    return WayBack("the log-in", "asgi-fleet-login-undo", folder)


def plan(wanted: Wanted, session: Session | None, *, pending: bool, root: Path = Path("/")) -> Plan:
    """Compare the host with what is wanted.

    Args:
        wanted: What is wanted.
        session: The session of the log-in.
        pending: Whether an earlier change waits for its proof.
        root: The root of the file system.

    Raises:
        LoginError: It cannot be, or would lock somebody out.
        SshdError: sshd cannot be asked.
    """
    account = find_account(wanted.user)
    _refuse_account(wanted.user, account)
    found = sshd.effective(wanted.user, session)
    groups = _groups(account) if account else [wanted.user]
    if out := sshd.refused_account(found, wanted.user, groups):
        raise LoginError(
            f"sshd on this host keeps {wanted.user} out ({out}); expected {wanted.user} to be let "
            f"in; change that in /{sshd.MAIN} or a file that it includes, or choose another "
            "bootstrap_user"
        )
    planned = Plan(create=account is None)
    planned.home = account.pw_dir if account else f"/home/{wanted.user}"
    files = sshd.key_files(found, wanted.user, planned.home)
    if not files:
        raise LoginError(
            "sshd on this host reads no authorized keys (AuthorizedKeysFile none); expected "
            ".ssh/authorized_keys"
        )
    planned.key_file = files[0]
    planned.keys = _missing_keys(wanted, files)
    sudoers = root / SUDOERS.format(user=wanted.user)
    planned.sudoers = read_text(str(sudoers)) != SUDOERS_TEXT.format(user=wanted.user)
    text = sshd.drop_in_text(wanted.settings)
    planned.closing = pending or read_text(str(root / sshd.DROP_IN)) != text
    if planned.closing:
        if hindering := sshd.obstacles(wanted.settings, root=root):
            raise LoginError("\n".join(hindering))
        if wanted.close_passwords:
            _refuse_to_cut(_by_password_alone(wanted.user, session, root))
        if wanted.close_root:
            planned.cut = _cut_keys(wanted, session)
    return planned


def open_host(wanted: Wanted, planned: Plan) -> None:
    """Make the account, let its keys in, and let it become root.

    Raises:
        LoginError: With what a tool said.
    """
    if planned.create:
        _useradd(wanted.user)
    if planned.keys:
        _let_in(wanted.user, planned)
    if planned.sudoers:
        _write_sudoers(wanted.user)


def close_host(wanted: Wanted, session: Session, seconds: int, way_back: WayBack) -> None:
    """Write our file of sshd, and see that sshd does what it says; the host takes it back later.

    Args:
        wanted: What is to be closed.
        session: The present session.
        seconds: How long the host waits for a new one.
        way_back: What undoes it.

    Raises:
        LoginError: sshd does otherwise; the host is as it was before.
        SshdError: So, too.
    """
    path = sshd.ROOT / sshd.DROP_IN
    way_back.begin(session)
    # The same command: a unit that has died of the change is started by it.
    way_back.start(seconds, [*way_back.save([path]), *sshd.reload_commands()])
    try:
        text = sshd.drop_in_text(wanted.settings)
        if text:
            write_file(str(path), text, 0o644)
        else:
            path.unlink(missing_ok=True)
        sshd.refuse_broken()
        unmet = sshd.unmet(wanted.settings, ["root", wanted.user], session)
        if unmet:
            raise LoginError(
                f"sshd on this host does not follow /{sshd.DROP_IN}: {'; '.join(unmet)}; expected "
                f"no other value, also not in a Match block; look for it: grep -rn "
                f"'{unmet[0].partition(' ')[0]}\\|Match' /{sshd.MAIN} /{sshd.FOLDER}"
            )
        sshd.reload()
    except BaseException:
        way_back.take_back()
        raise
    way_back.count(seconds)


def locking_options(key: PublicKey) -> list[str]:
    """Return the options of a key with which nobody could work, or not for long."""
    return [name for name in key.options if name in LOCKING]


def _refuse_account(user: str, account: pwd.struct_passwd | None) -> None:
    if account is None:
        try:
            grp.getgrnam(user)
        except KeyError:
            return
        raise LoginError(
            f"the group {user} exists on this host without an account of its name; expected "
            f"neither or both; if nothing uses it: groupdel {user}; or choose another "
            "bootstrap_user"
        )
    if account.pw_uid < FIRST_UID:
        raise LoginError(
            f"{user} is an account of the system on this host (uid {account.pw_uid}); expected one "
            f"of people (uid {FIRST_UID} or more), or none yet; choose another bootstrap_user"
        )
    if os.path.basename(account.pw_shell) in NO_SHELLS:
        raise LoginError(
            f"{user} cannot log in on this host, since its shell is {account.pw_shell}; expected "
            f"one that runs commands; choose another bootstrap_user, or: usermod --shell {SHELL} "
            f"{user}"
        )
    if not os.path.isdir(account.pw_dir):
        raise LoginError(
            f"the home of {user} on this host, {account.pw_dir}, is not there; expected a folder "
            f"of its own; make it (mkhomedir_helper {user}), or choose another bootstrap_user"
        )


def _groups(account: pwd.struct_passwd) -> list[str]:
    names = []
    for number in os.getgrouplist(account.pw_name, account.pw_gid):
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return names


def _missing_keys(wanted: Wanted, files: Iterable[Path]) -> list[str]:
    """Return the lines of keys that sshd does not find yet."""
    there: dict[str, PublicKey] = {}
    for path in files:
        for present in keys_of(read_plain(path)):
            # The first one that fits counts.
            there.setdefault(present.blob, present)
    missing = []
    for line in wanted.keys:
        key = parse(line)
        if key is None:
            raise LoginError("a key is none; expected a line of authorized_keys")
        known = there.get(key.blob)
        if known is None:
            missing.append(line)
        elif locking := locking_options(known):
            raise LoginError(
                f"{wanted.user} has the key {known.shown} on this host with the option "
                f"{locking[0]}=, so that it opens no session; expected it without; remove that "
                "line from its authorized_keys there, or choose another key"
            )
    return missing


def _by_password_alone(user: str, session: Session | None, root: Path) -> list[str]:
    """Return the accounts that log in by a password and have no key, as people name them."""
    hashes = {}
    for line in read_plain(root / "etc/shadow").splitlines():
        name, _colon, rest = line.partition(":")
        hashes[name] = rest.partition(":")[0]
    cut = []
    for account in pwd.getpwall():
        secret = hashes.get(account.pw_name, "")
        if account.pw_uid == 0 or account.pw_name == user or not secret or secret[0] in "!*":
            continue
        if os.path.basename(account.pw_shell) in NO_SHELLS:
            continue
        found = sshd.effective(account.pw_name, session)
        if not _takes_passwords(found) or sshd.refused_account(
            found, account.pw_name, _groups(account)
        ):
            continue
        paths = sshd.key_files(found, account.pw_name, account.pw_dir)
        if not any(True for path in paths for _key in keys_of(read_plain(path))):
            is_root = set(_groups(account)) & set(ADMINISTRATORS)
            cut.append(f"{account.pw_name}{' (sudo)' if is_root else ''}")
    return cut


def _takes_passwords(found: Mapping[str, list[str]]) -> bool:
    names = ("passwordauthentication", "kbdinteractiveauthentication")
    return any(found.get(name) == ["yes"] for name in names)


def _refuse_to_cut(accounts: list[str]) -> None:
    if accounts:
        raise LoginError(
            f"without passwords, nobody could log in any more as {', '.join(accounts)}: these "
            "accounts of this host have a password and no key; expected a key for each; give them "
            "one (ssh-copy-id), or keep passwords: -e bootstrap_close_passwords=false"
        )


def _cut_keys(wanted: Wanted, session: Session | None) -> list[str]:
    """Return whose keys of root are let in no more, and are not the new user's either."""
    account = pwd.getpwuid(0)
    found = sshd.effective(account.pw_name, session)
    if found.get("permitrootlogin") == ["no"]:
        return []
    ours = {key.blob for line in wanted.keys if (key := parse(line))}
    others = [
        key.shown
        for path in sshd.key_files(found, account.pw_name, account.pw_dir)
        for key in keys_of(read_plain(path))
        if key.blob not in ours
    ]
    if not others:
        return []
    return [f"keys of root that let nobody in any more: {', '.join(dict.fromkeys(others))}"]


def _useradd(user: str) -> None:
    _run(
        *("useradd", "--create-home", "--user-group", "--shell", SHELL),
        # No password fits. With the usual ! sshd takes the account for locked where PAM is off.
        *("--password", "*", "--comment", "asgi.fleet", user),
    )


def _let_in(user: str, planned: Plan) -> None:
    """Append keys to a file, and keep what is in it."""
    text = "".join(f"{line}\n" for line in planned.keys)
    path = planned.key_file
    if planned.home not in map(str, path.parents):
        before = read_text(str(path))
        os.makedirs(path.parent, mode=0o755, exist_ok=True)
        write_file(
            str(path), before + ("\n" if before[-1:] not in ("", "\n") else "") + text, 0o644
        )
        return
    # As the user: what root wrote below a home, a link there could lead elsewhere.
    account = pwd.getpwnam(user)
    script = (
        'umask 077; mkdir -p "$1" && { [ -z "$(tail -c 1 "$2" 2>/dev/null)" ] || echo >>"$2"; } '
        '&& cat >>"$2"'
    )
    _run(
        *("/bin/sh", "-c", script, "sh", str(path.parent), str(path)),
        text=text,
        account=account,
    )


def _write_sudoers(user: str) -> None:
    text = SUDOERS_TEXT.format(user=user)
    with tempfile.NamedTemporaryFile("w", suffix=".sudoers") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), 0o440)
        _run("visudo", "-c", "-f", file.name)
    path = sshd.ROOT / SUDOERS.format(user=user)
    os.makedirs(path.parent, mode=0o750, exist_ok=True)
    write_file(str(path), text, 0o440)


def _run(*command: str, text: str = "", account: pwd.struct_passwd | None = None) -> None:
    """Run a tool, perhaps as an account.

    Raises:
        LoginError: It failed, or is not there.
    """
    become: dict[str, Any] = {}
    if account:
        groups = os.getgrouplist(account.pw_name, account.pw_gid)
        become = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    try:
        result = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **become,
        )
    except FileNotFoundError:
        raise LoginError(
            f"this host has no {command[0]}; expected the packages passwd and sudo; install them "
            "there as root: apt-get install passwd sudo"
        ) from None
    if result.returncode != 0:
        told = result.stderr.strip() or result.stdout.strip()
        raise LoginError(f"{' '.join(command[:2])} failed: {told}")
