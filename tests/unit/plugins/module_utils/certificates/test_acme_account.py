"""The account of the ACME client, and what answers a challenge."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.certificates import acme_account
from ansible_collections.asgi.fleet.plugins.module_utils.certificates.acme_account import (
    Account,
    AccountKeyError,
    ensure,
    thumbprint,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import locking


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account whose user is there: the one that runs this."""
    me = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(acme_account, "find_account", lambda _: me)
    monkeypatch.setattr(acme_account, "ensure_account", lambda *_: False)
    monkeypatch.setattr(acme_account, "acme_account", lambda _: me.pw_name)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(locking, "FOLDER", str(tmp_path / "locks"))
    return Account("shop", str(tmp_path / "tls"), str(tmp_path / "var" / "acme"))


def test_key_is_made_once_and_kept(account: Account) -> None:
    made, key = ensure(account, "")
    assert made == [account.directory, account.state, account.key_path]
    assert Path(account.key_path).read_text() == key
    assert Path(account.key_path).stat().st_mode & 0o777 == 0o640
    assert ensure(account, "") == ([], key)


def test_key_of_the_first_machine_replaces_another(account: Account) -> None:
    _, own = ensure(account, "")
    key = acme_account._openssl(
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    ).decode()
    assert ensure(account, key) == ([account.key_path], key)
    assert Path(account.key_path).read_text() == key != own


def test_check_mode_makes_nothing(account: Account) -> None:
    made, key = ensure(account, "", check_mode=True)
    assert (account.key_path in made, key) == (True, "")
    assert not Path(account.directory).exists()


def test_pair_by_acme_is_recognized_by_its_folder(account: Account) -> None:
    tls = Path(account.directory)
    for name in ("selfsigned", "acme-0123456789abcdef"):
        (tls / name).mkdir(parents=True)
        (tls / name / "privkey.pem").touch()
    (tls / "current").symlink_to("selfsigned")
    assert not account.is_obtained
    (tls / "current").unlink()
    (tls / "current").symlink_to("acme-0123456789abcdef")
    assert account.is_obtained


def test_thumbprint_is_that_of_rfc_7638(account: Account) -> None:
    serialization: Any = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    _, key = ensure(account, "")
    numbers = serialization.load_pem_private_key(key.encode(), None).public_key().public_numbers()

    def coordinate(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")

    told = {"crv": "P-256", "kty": "EC", "x": coordinate(numbers.x), "y": coordinate(numbers.y)}
    digest = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).digest()
    assert thumbprint(key) == base64.urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize("key", ["", "no key"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(AccountKeyError, match=r"remove acme-account\.pem, and another is made"):
        thumbprint(key)
