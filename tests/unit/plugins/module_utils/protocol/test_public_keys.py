"""Lines of authorized_keys, with keys that ssh-keygen makes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.public_keys import (
    TYPES,
    is_private,
    keys_of,
    parse,
)

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKz5tA0iyKLJPW7wfLhp5Pmm7wCIZ0QxX3mZcAAgQkjE"


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", ""), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "521")]
)
def test_key_of_ssh_keygen_is_read_with_its_fingerprint(
    tmp_path: Path, kind: str, bits: str
) -> None:
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "ada of the desk", "-f", str(path)]
    subprocess.run([*command, *(["-b", bits] if bits else [])], check=True)
    line = path.with_suffix(".pub").read_text()
    key = parse(line)
    assert key is not None
    assert key.type in TYPES
    assert (key.comment, key.options, key.line) == ("ada of the desk", (), line.strip())
    told = subprocess.run(
        ["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True
    )
    assert key.fingerprint == told.stdout.split()[1]
    assert is_private(path.read_text())
    assert not is_private(line)
    assert parse(path.read_text()) is None


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("restrict", ("restrict",)),
        ('command="echo \\"a b\\", no" ', ("command",)),
        ('no-pty,FROM="10.0.0.0/8,!10.0.0.1",expiry-time="20270101"', None),
    ],
)
def test_options_are_named(options: str, names: tuple[str, ...] | None) -> None:
    key = parse(f"{options} {ED25519} ada")
    assert key is not None
    assert key.options == (names or ("no-pty", "from", "expiry-time"))
    assert key.comment == "ada"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ada@laptop",
        "ssh-ed25519",
        "ssh-ed25519 notbase64!",
        # Another type than the key itself says.
        ED25519.replace("ssh-ed25519", "ssh-rsa"),
        ED25519.replace("ssh-ed25519", "ssh-dss"),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
        "~/.ssh/id_ed25519.pub",
    ],
)
def test_what_is_no_key_is_none(line: str) -> None:
    assert parse(line) is None


def test_comments_and_other_lines_of_a_file_are_passed_over() -> None:
    text = f"# {ED25519}\n\nnonsense\n{ED25519} ada\n"
    assert [key.shown for key in keys_of(text)] == ["ada"]


def test_key_without_a_comment_is_shown_by_its_fingerprint() -> None:
    key = parse(ED25519)
    assert key is not None
    assert key.shown == key.fingerprint
