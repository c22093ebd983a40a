"""Accounts of applications: made once, by a useradd that only notes what it is told."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import (
    AccountError,
    ensure_account,
)

NEW = "no-such-shop"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What useradd was called with, a line each; it refuses names that begin with `bad`."""
    program = tmp_path / "useradd"
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n'
        'case "$*" in *" bad"*) echo "useradd: invalid user name" >&2; exit 3;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "calls"


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, pwd.struct_passwd]:
    """The host's accounts, empty at first."""
    found: dict[str, pwd.struct_passwd] = {}
    monkeypatch.setattr(pwd, "getpwnam", lambda name: found[name])
    return found


def account(name: str, comment: str, uid: int = 999) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", uid, uid, comment, f"/home/{name}", "/bin/bash"))


def test_account_of_the_application_is_left_as_it_is(
    calls: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    # As chfn(1) leaves a comment.
    for comment in ("asgi.fleet shop", "asgi.fleet shop,room,,"):
        accounts["shop"] = account("shop", comment)
        assert ensure_account("shop", "shop") is False
    assert not calls.exists()


def test_account_of_another_is_refused_and_not_touched(
    calls: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    for comment in ("", "Debian", "asgi.fleet shop-two", "asgi.fleet"):
        accounts["deploy"] = account("deploy", comment)
        with pytest.raises(AccountError, match=r"^the account deploy exists \(uid 999,") as refusal:
            ensure_account("deploy", "deploy")
        assert str(refusal.value).endswith("usermod --comment 'asgi.fleet deploy' deploy")
    assert not calls.exists()


def test_account_that_the_operator_names_is_used_as_it_is(
    calls: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    accounts["web"] = account("web", "of the team")
    assert ensure_account("web", "shop", borrowed=True) is False
    assert not calls.exists()


def test_root_is_no_account_of_an_application(accounts: dict[str, pwd.struct_passwd]) -> None:
    accounts["root"] = account("root", "asgi.fleet shop", uid=0)
    with pytest.raises(AccountError, match="is root"):
        ensure_account("root", "shop", borrowed=True)


@pytest.mark.usefixtures("calls", "accounts")
def test_group_without_its_account_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grp, "getgrnam", lambda _name: object())
    with pytest.raises(AccountError, match=r"^the group staff exists without an account"):
        ensure_account("staff", "staff")


def test_new_account_is_a_system_account_that_nobody_logs_in_to(calls: Path) -> None:
    assert ensure_account(NEW, "shop") is True
    assert calls.read_text().splitlines() == [
        "--system --user-group --no-create-home --home-dir /nonexistent "
        f"--shell /usr/sbin/nologin --comment asgi.fleet shop {NEW}"
    ]


@pytest.mark.usefixtures("calls")
def test_account_that_cannot_be_made_says_why() -> None:
    with pytest.raises(
        AccountError, match=r"^useradd bad-shop failed: useradd: invalid user name$"
    ):
        ensure_account("bad-shop", "bad-shop")


def test_host_without_useradd_says_which_package_has_it(
    accounts: dict[str, pwd.struct_passwd], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AccountError, match=r"no useradd; expected the package passwd.*apt-get"):
        ensure_account(NEW, NEW)
    assert not accounts
