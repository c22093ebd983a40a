"""The folder of an authority: made once, kept to its owner, and replaced on demand."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.authority_folder import (
    AuthorityFolder,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_authority import (
    AuthorityError,
)

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)


def at(path: Path, password: str = "") -> AuthorityFolder:
    return AuthorityFolder(path, password, lambda name: Path(name).read_bytes())


def refusal(folder: AuthorityFolder) -> str:
    with pytest.raises(AuthorityError) as refused:
        folder.keep(NOW)
    [told] = refused.value.refusals
    return told


def test_authority_is_made_once(tmp_path: Path) -> None:
    folder = at(tmp_path / "inventory" / "authority")
    assert folder.look(NOW) is None
    made, new = folder.keep(NOW)
    assert new
    again, new = folder.keep(NOW)
    assert (again.pem, new) == (made.pem, False)
    assert folder.key_path.stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.path.iterdir()) == [".lock", "ca.key", "ca.pem"]


def test_hosts_that_look_at_once_find_one_authority(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: at(tmp_path / "a").keep(NOW), range(8)))
    assert len({authority.fingerprint for authority, _new in found}) == 1
    assert sum(new for _authority, new in found) == 1


def test_key_is_encrypted_by_its_password(tmp_path: Path) -> None:
    made, _new = at(tmp_path, "secret").keep(NOW)
    assert (tmp_path / "ca.key").read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert at(tmp_path, "secret").keep(NOW)[0].pem == made.pem
    assert refusal(at(tmp_path)).startswith(
        f"{tmp_path}/ca.key is encrypted, and its password is not given; expected PEM text of the "
        "authority's private key"
    )


def test_replaced_authority_leaves_its_certificate_alone(tmp_path: Path) -> None:
    former, _new = at(tmp_path).keep(NOW)
    now = at(tmp_path).replace(NOW)
    assert now.fingerprint != former.fingerprint
    assert at(tmp_path).keep(NOW)[0].pem == now.pem
    [kept] = tmp_path.glob("former-*")
    assert kept.name == "former-20260601T120000.pem"
    assert kept.read_text() == former.pem


def test_key_that_vault_encrypted_is_not_replaced_by_one_in_the_open(tmp_path: Path) -> None:
    at(tmp_path).keep(NOW)
    (tmp_path / "ca.key").write_text("$ANSIBLE_VAULT;1.1;AES256\n6138\n")
    with pytest.raises(AuthorityError, match=r"ca.key is encrypted by Vault; expected a password"):
        at(tmp_path).replace(NOW)


@pytest.mark.parametrize(("gone", "left"), [("ca.key", "ca.pem"), ("ca.pem", "ca.key")])
def test_half_an_authority_is_refused(tmp_path: Path, gone: str, left: str) -> None:
    at(tmp_path).keep(NOW)
    (tmp_path / gone).unlink()
    assert refusal(at(tmp_path)) == (
        f"{tmp_path} has {left} without {gone}; expected both, or neither; bring {gone} there, or "
        f"move {left} away to have a new authority made"
    )


def test_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    at(tmp_path).keep(NOW)
    (tmp_path / "ca.key").chmod(0o640)
    assert refusal(at(tmp_path)) == (
        f"{tmp_path}/ca.key has the mode 0640; expected 0600, since whoever reads it can issue "
        f"certificates; run chmod 600 {tmp_path}/ca.key"
    )


def test_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(at(tmp_path / "file" / "authority")) == (
        f"{tmp_path}/file/authority cannot be written (Not a directory); expected a folder of your "
        "own on the controller; choose another one"
    )


def test_key_that_git_would_take_along_is_told(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    folder = at(tmp_path / "authority")
    assert folder.advice() == ""
    folder.keep(NOW)
    assert folder.advice() == (
        f"{tmp_path}/authority/ca.key lies in a git repository that does not ignore it, and "
        "everybody who gets that could issue certificates; expected a key that is encrypted, or "
        f"kept out; run ansible-vault encrypt {tmp_path}/authority/ca.key, or add it to .gitignore"
    )
    (tmp_path / ".gitignore").write_text("ca.key\n")
    assert folder.advice() == ""


def test_encrypted_key_may_be_in_a_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    at(tmp_path / "authority", "secret").keep(NOW)
    assert at(tmp_path / "authority", "secret").advice() == ""


def test_key_outside_of_a_repository_needs_no_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(tmp_path).keep(NOW)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert at(tmp_path).advice() == ""
    monkeypatch.setenv("PATH", os.devnull)
    assert at(tmp_path).advice() == ""
