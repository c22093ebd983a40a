"""Digests that only one machine can make."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.survey.fingerprint import (
    MACHINE,
    NoKeyError,
    digests,
    machine_key,
)


def machine(root: Path, machine_id: str = "5f3a", *keys: str) -> Path:
    (root / "etc" / "ssh").mkdir(parents=True)
    (root / "etc" / "machine-id").write_text(f"{machine_id}\n")
    for number, key in enumerate(keys):
        (root / "etc" / "ssh" / f"ssh_host_{number}_key").write_text(key)
        (root / "etc" / "ssh" / f"ssh_host_{number}_key.pub").write_text("public")
    return root


def test_key_depends_on_the_machine_and_on_the_private_keys_of_sshd(tmp_path: Path) -> None:
    keys = [
        machine_key(machine(tmp_path / "a", "one", "key")),
        machine_key(machine(tmp_path / "b", "two", "key")),
        machine_key(machine(tmp_path / "c", "one", "another key")),
        machine_key(machine(tmp_path / "d", "one")),
    ]
    assert len(set(keys)) == 4


def test_key_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    root = machine(tmp_path, "one", "key")
    first = machine_key(root)
    (root / "etc" / "ssh" / "ssh_host_0_key.pub").write_text("the public one does not matter")
    assert machine_key(root) == first


def test_machine_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoKeyError, match="/etc/machine-id is empty"):
        machine_key(machine(tmp_path, ""))
    with pytest.raises(NoKeyError):
        machine_key(tmp_path / "nothing")


def test_digest_is_another_one_on_another_machine() -> None:
    """So it tells nothing to whoever tries values, without being on the machine."""
    values = {"app_secrets.PIN": '"1234"'}
    assert digests(values, b"one") != digests(values, b"two")
    assert digests(values, b"one") == digests(values, b"one")


def test_digest_does_not_tell_that_two_variables_are_equal() -> None:
    found = digests({"app_secrets.A": '"same"', "app_secrets.B": '"same"'}, b"key")
    assert len(set(found.values())) == 3


def test_digests_have_that_of_the_machine() -> None:
    assert digests({}, b"key").keys() == {MACHINE}
