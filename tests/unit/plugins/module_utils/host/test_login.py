"""The account of a host, and who would be locked out; the accounts and sshd are a test's own."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import login, sshd, undo
from ansible_collections.asgi.fleet.plugins.module_utils.host.login import (
    LoginError,
    Wanted,
    close_host,
    open_host,
    plan,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session

ADA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKz5tA0iyKLJPW7wfLhp5Pmm7wCIZ0QxX3mZcAAgQkjE ada"
BOB = ADA.replace("QkjE ada", "QkjA bob")
WANTED = Wanted("deploy", [ADA])
SESSION = Session("192.0.2.1", 5000, "192.0.2.2", 22)
OPEN = {"passwordauthentication": ["yes"], "permitrootlogin": ["yes"]}
USUAL = "Include /etc/ssh/sshd_config.d/*.conf\n"


class Host:
    """A host with root alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.accounts: dict[str, pwd.struct_passwd] = {}
        self.groups: dict[str, list[str]] = {}
        self.effective: dict[str, dict[str, list[str]]] = {}
        for folder in ("etc/ssh/sshd_config.d", "etc/sudoers.d", "root", "home"):
            (root / folder).mkdir(parents=True)
        (root / "etc/ssh/sshd_config").write_text(USUAL)
        (root / "etc/shadow").write_text("")
        self.add("root", 0, home="root", shadow="$y$secret")

    def add(
        self, name: str, uid: int, *, home: str = "", shell: str = "/bin/bash", shadow: str = "!"
    ) -> Path:
        """Have an account, and return the file of its keys."""
        folder = self.root / (home or f"home/{name}")
        (folder / ".ssh").mkdir(parents=True)
        self.accounts[name] = pwd.struct_passwd((name, "x", uid, uid, "", str(folder), shell))
        with (self.root / "etc/shadow").open("a") as file:
            file.write(f"{name}:{shadow}:20000::::::\n")
        return folder / ".ssh/authorized_keys"

    def plan(self, wanted: Wanted = WANTED, *, pending: bool = False) -> login.Plan:
        return plan(wanted, SESSION, pending=pending, root=self.root)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    monkeypatch.setattr(login, "find_account", host.accounts.get)
    monkeypatch.setattr(
        login,
        "pwd",
        SimpleNamespace(
            getpwall=lambda: list(host.accounts.values()),
            getpwuid=lambda uid: next(a for a in host.accounts.values() if a.pw_uid == uid),
            struct_passwd=pwd.struct_passwd,
        ),
    )
    monkeypatch.setattr(login, "_groups", lambda account: host.groups.get(account.pw_name, []))
    monkeypatch.setattr(sshd, "effective", lambda name, _session: host.effective.get(name, OPEN))
    return host


def refused(host: Host, wanted: Wanted = WANTED) -> str:
    with pytest.raises(LoginError) as caught:
        host.plan(wanted)
    return str(caught.value)


def test_fresh_host_gets_everything(host: Host) -> None:
    planned = host.plan()
    assert planned.opening(WANTED) == [
        "make the account deploy, without a password",
        "let in by /home/deploy/.ssh/authorized_keys: ada",
        "let deploy become root without a password: /etc/sudoers.d/99-asgi-fleet-deploy",
    ]
    assert planned.closes(WANTED) == [
        "close root and passwords for SSH: /etc/ssh/sshd_config.d/00-asgi-fleet.conf"
    ]


def test_host_that_has_everything_gets_nothing(host: Host) -> None:
    host.add("deploy", 1000).write_text(f"# mine\n{BOB}\n{ADA} at another desk\n")
    (host.root / "etc/sudoers.d/99-asgi-fleet-deploy").write_text(
        login.SUDOERS_TEXT.format(user="deploy")
    )
    (host.root / sshd.DROP_IN).write_text(sshd.drop_in_text(WANTED.settings))
    planned = host.plan()
    assert planned.opening(WANTED) + planned.closes(WANTED) == []
    # What nobody has proven is to be done again.
    assert host.plan(pending=True).closes(WANTED) != []


def test_what_is_no_longer_to_be_closed_is_opened(host: Host) -> None:
    (host.root / sshd.DROP_IN).write_text(sshd.drop_in_text(WANTED.settings))
    neither = Wanted("deploy", [ADA], close_root=False, close_passwords=False)
    assert host.plan(neither).closes(neither) == [f"remove /{sshd.DROP_IN}"]
    passwords = Wanted("deploy", [ADA], close_root=False)
    assert host.plan(passwords).closes(passwords) == [f"close passwords for SSH: /{sshd.DROP_IN}"]


@pytest.mark.parametrize(
    ("uid", "shell", "told"),
    [
        (33, "/bin/bash", "deploy is an account of the system on this host (uid 33)"),
        (1000, "/usr/sbin/nologin", "deploy cannot log in on this host, since its shell is"),
    ],
)
def test_account_that_cannot_be_it_is_refused(host: Host, uid: int, shell: str, told: str) -> None:
    host.add("deploy", uid, shell=shell)
    assert told in refused(host)


def test_account_without_its_home_is_refused(host: Host) -> None:
    account = host.add("deploy", 1000)
    account.parent.rmdir()
    account.parent.parent.rmdir()
    assert "the home of deploy on this host" in refused(host)


def test_group_without_an_account_is_refused(host: Host) -> None:
    name = grp.getgrgid(os.getgid()).gr_name
    host.accounts.pop(name, None)
    assert f"the group {name} exists on this host without" in refused(host, Wanted(name, [ADA]))


def test_account_that_sshd_keeps_out_is_refused(host: Host) -> None:
    host.effective["deploy"] = {"allowusers": ["root"]}
    assert "sshd on this host keeps deploy out (AllowUsers root)" in refused(host)


def test_key_that_has_a_command_there_is_refused(host: Host) -> None:
    host.add("deploy", 1000).write_text(f'command="rsync" {ADA}\n')
    assert "deploy has the key ada on this host with the option command=" in refused(host)


def test_sshd_without_files_of_keys_is_refused(host: Host) -> None:
    host.effective["deploy"] = {"authorizedkeysfile": ["none"]}
    assert "reads no authorized keys" in refused(host)


def test_sshd_that_would_not_follow_is_refused(host: Host) -> None:
    (host.root / "etc/ssh/sshd_config").write_text(f"PermitRootLogin yes\n{USUAL}")
    assert "/etc/ssh/sshd_config:1 sets PermitRootLogin yes before" in refused(host)


def test_accounts_that_have_a_password_alone_are_named(host: Host) -> None:
    host.add("ada", 1001, shadow="$y$secret")
    host.groups["ada"] = ["ada", "sudo"]
    host.add("bob", 1002, shadow="$6$secret")
    assert "nobody could log in any more as ada (sudo), bob: these" in refused(host)
    kept = Wanted("deploy", [ADA], close_passwords=False)
    assert host.plan(kept).closing


@pytest.mark.parametrize("why", ["key", "locked", "shell", "closed", "denied", "own"])
def test_accounts_that_lose_nothing_are_not_named(host: Host, why: str) -> None:
    name = "deploy" if why == "own" else "ada"
    keys = host.add(
        name,
        1001,
        shadow="!$y$secret" if why == "locked" else "$y$secret",
        shell="/usr/sbin/nologin" if why == "shell" else "/bin/bash",
    )
    if why == "key":
        keys.write_text(f"{BOB}\n")
    elif why == "closed":
        host.effective[name] = {"passwordauthentication": ["no"]}
    elif why == "denied":
        host.effective[name] = {**OPEN, "denyusers": ["ada"]}
    assert host.plan().closing


def test_keys_of_root_that_end_are_told(host: Host) -> None:
    (host.root / "root/.ssh/authorized_keys").write_text(f"{ADA}\n{BOB}\n")
    assert host.plan().closes(WANTED)[1:] == ["keys of root that let nobody in any more: bob"]
    host.effective["root"] = {"permitrootlogin": ["no"]}
    assert host.plan().cut == []


@pytest.fixture
def tools(host: Host, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that note what they are told."""
    folder = host.root / "bin"
    folder.mkdir()
    for name in ("useradd", "visudo", "systemctl", "systemd-run", "sshd"):
        (folder / name).write_text(
            f'#!/bin/sh\necho "$(basename $0) $*" >>{host.root}/said\n'
            f"[ ! -e {host.root}/$(basename $0).fails ]\n"
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(sshd, "ROOT", host.root)
    return host.root / "said"


def test_account_is_made_without_a_password(tools: Path) -> None:
    open_host(WANTED, login.Plan(create=True))
    assert tools.read_text() == (
        "useradd --create-home --user-group --shell /bin/bash --password * --comment asgi.fleet "
        "deploy\n"
    )


@pytest.mark.usefixtures("tools")
def test_file_of_sudo_is_checked_first(host: Host) -> None:
    path = host.root / "etc/sudoers.d/99-asgi-fleet-deploy"
    (host.root / "visudo.fails").touch()
    with pytest.raises(LoginError, match="visudo -c failed"):
        open_host(WANTED, login.Plan(sudoers=True))
    assert not path.exists()
    (host.root / "visudo.fails").unlink()
    open_host(WANTED, login.Plan(sudoers=True))
    assert path.read_text().endswith("deploy ALL=(ALL:ALL) NOPASSWD: ALL\n")
    assert path.stat().st_mode & 0o777 == 0o440


def test_missing_tool_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoginError, match="this host has no useradd; expected the packages passwd"):
        open_host(WANTED, login.Plan(create=True))


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, f"{ADA}\n"), (BOB, f"{BOB}\n{ADA}\n"), (f"# a\n{BOB}\n", f"# a\n{BOB}\n{ADA}\n")],
)
@pytest.mark.parametrize("of_the_system", [False, True])
@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another account")
def test_keys_are_added_to_what_is_there(
    host: Host, before: str | None, after: str, of_the_system: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(login, "pwd", pwd)
    home = host.root / "home/me"
    home.mkdir()
    path = host.root / "etc/ssh/keys/me" if of_the_system else home / ".ssh/authorized_keys"
    if before is not None:
        path.parent.mkdir()
        path.write_text(before)
    open_host(Wanted(me.pw_name, [ADA]), login.Plan(key_file=path, home=str(home), keys=[ADA]))
    assert path.read_text() == after
    if before is None:
        modes = {part.stat().st_mode & 0o777 for part in (path, path.parent)}
        assert modes == ({0o644, 0o755} if of_the_system else {0o600, 0o700})


def closing(host: Host) -> tuple[undo.WayBack, Path]:
    return login.undo(host.root / "run"), host.root / sshd.DROP_IN


def test_closed_host_waits_for_the_proof(
    host: Host, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way_back, drop_in = closing(host)
    monkeypatch.setattr(sshd, "unmet", lambda *_: [])
    close_host(WANTED, SESSION, 60, way_back)
    assert drop_in.read_text() == sshd.drop_in_text(WANTED.settings)
    assert way_back.pending
    said = tools.read_text().splitlines()
    assert "sshd -t" in said
    assert any(line.startswith("systemctl reload-or-restart ssh.service") for line in said)
    assert "--on-active=60" in [line for line in said if line.startswith("systemd-run")][-1]
    subprocess.run(["/bin/sh", str(way_back.script)], check=True)
    assert not drop_in.exists()


@pytest.mark.parametrize("fails", ["unmet", "broken"])
def test_host_that_does_not_follow_is_as_before_at_once(
    host: Host, tools: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    way_back, drop_in = closing(host)
    drop_in.write_text("before\n")
    told = ["PermitRootLogin is yes for root"] if fails == "unmet" else []
    monkeypatch.setattr(sshd, "unmet", lambda *_: told)
    if fails == "broken":
        (host.root / "sshd.fails").touch()
    with pytest.raises((LoginError, sshd.SshdError)) as caught:
        close_host(WANTED, SESSION, 60, way_back)
    expected = "PermitRootLogin is yes for root" if told else "does not accept its configuration"
    assert expected in str(caught.value)
    assert drop_in.read_text() == "before\n"
    assert not way_back.pending
    assert tools.exists()
