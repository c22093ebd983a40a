"""What sshd is told, and which of its files counts; that sshd agrees, molecule/bootstrap shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import sshd
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session

BOTH = sshd.wanted(close_root=True, close_passwords=True)
SESSION = Session("192.0.2.1", 5000, "192.0.2.2", 2200)
#: Debian 12 and later, Ubuntu 22.04 and later.
USUAL = "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\n"


def host(root: Path, main: str, **drop_ins: str) -> Path:
    """Make a configuration; a name is that of a drop-in, with _ for -."""
    folder = root / sshd.FOLDER
    folder.mkdir(parents=True)
    (root / sshd.MAIN).write_text(main)
    for name, text in drop_ins.items():
        (folder / f"{name.strip('_').replace('_', '-')}.conf").write_text(text)
    return root


def test_our_file_has_what_is_closed_and_nothing_else() -> None:
    lines = sshd.drop_in_text(BOTH).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "PubkeyAuthentication yes",
        "PermitRootLogin no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
    ]
    assert sshd.drop_in_text(sshd.wanted(close_root=False, close_passwords=False)) == ""
    assert "Password" not in sshd.drop_in_text(sshd.wanted(close_root=True, close_passwords=False))


def test_usual_host_has_no_obstacle(tmp_path: Path) -> None:
    cloud = {
        "_50_cloud_init": "PasswordAuthentication yes\n",
        "_60_cloudimg": "PermitRootLogin yes",
    }
    assert sshd.obstacles(BOTH, root=host(tmp_path, USUAL, **cloud)) == []


@pytest.mark.parametrize(
    ("main", "drop_in", "told"),
    [
        (
            f"# PermitRootLogin no\nPermitRootLogin=yes\n{USUAL}",
            "",
            "/etc/ssh/sshd_config:2 sets PermitRootLogin yes before /etc/ssh/sshd_config.d/00-asgi-"
            "fleet.conf is read",
        ),
        (
            USUAL,
            'passwordauthentication "yes" \n',
            "/etc/ssh/sshd_config.d/00-aaa.conf:1 sets PasswordAuthentication yes",
        ),
        ("UsePAM yes\n", "", "/etc/ssh/sshd_config does not read /etc/ssh/sshd_config.d"),
        # One that matches alone reads it for those alone.
        (f"Match User ada\n{USUAL}", "", "/etc/ssh/sshd_config does not read"),
    ],
)
def test_line_that_counts_more_is_named(tmp_path: Path, main: str, drop_in: str, told: str) -> None:
    found = sshd.obstacles(BOTH, root=host(tmp_path, main, _00_aaa=drop_in))
    assert len(found) == 1
    assert found[0].startswith(told)


@pytest.mark.parametrize(
    "main",
    [
        # The same value is no obstacle, wherever it is.
        f"PermitRootLogin no\n{USUAL}",
        f"Match User ada\nPermitRootLogin yes\nMatch all\n{USUAL}",
        "Include sshd_config.d/*.conf\nPermitRootLogin yes\n",
        "Include /etc/ssh/other.conf /\nInclude /etc/ssh/sshd_config.d/*\n",
    ],
)
def test_what_does_not_count_more_is_no_obstacle(tmp_path: Path, main: str) -> None:
    assert sshd.obstacles(BOTH, root=host(tmp_path, main)) == []


def test_file_that_includes_itself_ends(tmp_path: Path) -> None:
    root = host(tmp_path, "Include /etc/ssh/sshd_config\nUsePAM yes\n")
    assert len(list(sshd.settings_of(root=root))) == sshd._DEPTH + 1


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, ""),
        ({"allowusers": ["root", "dep*"]}, ""),
        ({"allowusers": ["root", "ada"]}, "AllowUsers root ada"),
        ({"allowusers": ["deploy@10.0.0.*"]}, ""),
        ({"denyusers": ["deploy"]}, "DenyUsers deploy"),
        ({"denyusers": ["deploy@10.0.0.*"]}, ""),
        ({"denyusers": ["!deploy", "ada"]}, ""),
        ({"allowgroups": ["ssh"]}, "AllowGroups ssh"),
        ({"allowgroups": ["ssh", "deploy"]}, ""),
        ({"denygroups": ["deploy"]}, "DenyGroups deploy"),
    ],
)
def test_account_that_is_kept_out_is_told_with_the_setting(
    found: dict[str, list[str]], told: str
) -> None:
    assert sshd.refused_account(found, "deploy", ["deploy"]) == told


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (".ssh/authorized_keys .ssh/authorized_keys2", ["/home/deploy/.ssh/authorized_keys"]),
        ("/etc/ssh/keys/%u", ["/etc/ssh/keys/deploy"]),
        ("%h/keys%%", ["/home/deploy/keys%"]),
        ("none", []),
    ],
)
def test_files_of_keys_are_where_sshd_looks(value: str, paths: list[str]) -> None:
    found = sshd.key_files({"authorizedkeysfile": [value]}, "deploy", "/home/deploy")
    assert [str(path) for path in found][:1] == paths


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An sshd and a systemctl that say what a test puts into files."""
    (tmp_path / "sshd").write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\ncat {tmp_path}/effective\n'
        f"[ ! -e {tmp_path}/broken ] || {{ echo 'line 3: Bad option' >&2; exit 255; }}\n"
    )
    (tmp_path / "systemctl").write_text(
        f"#!/bin/sh\n"
        f'case "$1" in is-active) grep -qx "$3" {tmp_path}/active;;\n'
        f"show) cat {tmp_path}/sockets;; *) echo $* >>{tmp_path}/asked;; esac\n"
    )
    for name in ("sshd", "systemctl"):
        (tmp_path / name).chmod(0o755)
    for name in ("active", "sockets", "asked", "effective"):
        (tmp_path / name).write_text("")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(sshd, "ROOT", tmp_path)
    return tmp_path


def test_sshd_is_asked_for_whoever_comes_from_where_the_controller_is(tools: Path) -> None:
    (tools / "effective").write_text("permitrootlogin no\nallowusers a\nallowusers b\n")
    found = sshd.effective("root", SESSION)
    assert found == {"permitrootlogin": ["no"], "allowusers": ["a", "b"]}
    assert (tools / "asked").read_text() == (
        "-T -C user=root,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=2200\n"
    )
    assert (tools / "run/sshd").is_dir()


def test_what_sshd_does_otherwise_is_told(tools: Path) -> None:
    (tools / "effective").write_text(
        "permitrootlogin without-password\npasswordauthentication no\n"
    )
    assert sshd.unmet(BOTH, ["root"], SESSION) == [
        "PermitRootLogin is without-password for root",
        "KbdInteractiveAuthentication is unknown for root",
    ]


def test_configuration_that_sshd_refuses_is_told(tools: Path) -> None:
    (tools / "broken").touch()
    with pytest.raises(sshd.SshdError, match="does not accept its configuration: line 3: Bad"):
        sshd.refuse_broken()


def test_host_without_sshd_is_told(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tools / "none"))
    with pytest.raises(sshd.SshdError, match="expected the package openssh-server"):
        sshd.refuse_broken()


@pytest.mark.parametrize(
    ("active", "sockets", "commands"),
    [
        ("ssh.service\nsshd.service\n", "", ["systemctl reload-or-restart ssh.service"]),
        # It is not in use, as where an image masks it.
        ("ssh.service\n", "ssh.socket\n", ["systemctl reload-or-restart ssh.service"]),
        ("ssh.service\nssh.socket\n", "ssh.socket\n", ["systemctl restart ssh.service"]),
        ("sshd.service\n", "", ["systemctl reload-or-restart sshd.service"]),
        # It starts one for each connection.
        ("ssh.socket\n", "", []),
    ],
)
def test_sshd_with_a_socket_of_systemd_is_restarted(
    tools: Path, active: str, sockets: str, commands: list[str]
) -> None:
    (tools / "active").write_text(active)
    (tools / "sockets").write_text(sockets)
    assert sshd.reload_commands() == commands
    sshd.reload()
    said = (tools / "asked").read_text().splitlines()
    assert said == [command.removeprefix("systemctl ") for command in commands]
