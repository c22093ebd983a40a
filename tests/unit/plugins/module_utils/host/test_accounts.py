"""Accounts of services: made once, by a useradd that only notes what it is told."""

from __future__ import annotations

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


def test_account_that_is_there_is_left_as_it_is(calls: Path) -> None:
    assert ensure_account(pwd.getpwuid(os.getuid()).pw_name) is False
    assert not calls.exists()


def test_new_account_is_a_system_account_that_nobody_logs_in_to(calls: Path) -> None:
    assert ensure_account(NEW) is True
    assert calls.read_text().splitlines() == [
        "--system --user-group --no-create-home --home-dir /nonexistent "
        f"--shell /usr/sbin/nologin {NEW}"
    ]


@pytest.mark.usefixtures("calls")
def test_account_that_cannot_be_made_says_why() -> None:
    with pytest.raises(
        AccountError, match=r"^useradd bad-shop failed: useradd: invalid user name$"
    ):
        ensure_account("bad-shop")
