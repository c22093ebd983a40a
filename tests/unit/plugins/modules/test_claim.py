"""The module that claims a name: its account, its folders, and check mode."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import provenance
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import UnfitError
from ansible_collections.asgi.fleet.plugins.modules import claim

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str, bool]]:
    """The accounts that were made."""
    accounts: list[tuple[str, str, bool]] = []

    def ensure_account(name: str, application: str, *, borrowed: bool) -> bool:
        accounts.append((name, application, borrowed))
        return True

    monkeypatch.setattr(claim, "Application", partial(Application, root=str(tmp_path)))
    monkeypatch.setattr(claim, "ensure_account", ensure_account)
    return accounts


@pytest.mark.parametrize(("user", "account"), [("", "no-such-shop"), ("no-web", "no-web")])
def test_claim_makes_the_account_and_the_folders(
    run_module: Run, made: list[tuple[str, str, bool]], tmp_path: Path, user: str, account: str
) -> None:
    expected = [
        *(f"{tmp_path}/{parent}/no-such-shop" for parent in ("opt", "etc", "var/lib", "var/cache")),
        f"the account {account}",
    ]
    given = {"name": "no-such-shop"} | ({"user": user} if user else {})
    answer = run_module(claim, **given, _ansible_check_mode=True)
    assert (answer["changed"], answer["made"]) == (True, expected)
    assert (made, list(tmp_path.iterdir())) == ([], [])
    answer = run_module(claim, **given)
    assert (answer["changed"], answer["made"]) == (True, expected)
    assert made == [(account, "no-such-shop", bool(user))]


@pytest.mark.usefixtures("made")
def test_claim_tells_whether_metrics_are_served(run_module: Run, tmp_path: Path) -> None:
    assert run_module(claim, name="no-such-shop")["metrics_served"] is False
    unit = tmp_path / "etc/systemd/system/no-such-shop-metrics.socket"
    unit.parent.mkdir(parents=True)
    unit.touch()
    assert run_module(claim, name="no-such-shop")["metrics_served"] is True


def test_claim_of_what_is_taken_fails(
    run_module: Run, made: list[tuple[str, str, bool]], tmp_path: Path
) -> None:
    (tmp_path / "etc/no-such-shop/x").mkdir(parents=True)
    answer = run_module(claim, name="no-such-shop")
    assert answer["failed"]
    assert f"{tmp_path}/etc/no-such-shop exists" in answer["msg"]
    assert made == []


@pytest.mark.usefixtures("made")
def test_unfit_host_is_refused_before_anything_changes(
    run_module: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def require_fit_host() -> None:
        raise UnfitError("the file system of /opt is mounted noexec")

    monkeypatch.setattr(claim, "require_fit_host", require_fit_host)
    answer = run_module(claim, name="no-such-shop")
    assert (answer["failed"], answer["msg"]) == (True, "the file system of /opt is mounted noexec")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("made")
def test_folder_that_cannot_be_written_is_named(
    run_module: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> list[str]:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/etc/no-such-shop")

    monkeypatch.setattr(provenance, "claim", refuse)
    answer = run_module(claim, name="no-such-shop")
    assert answer["failed"]
    assert "Read-only file system: '/etc/no-such-shop'" in answer["msg"]
    assert "mount it for writing" in answer["msg"]


def test_claim_makes_the_account_of_the_metrics_when_asked(
    run_module: Run, made: list[tuple[str, str, bool]]
) -> None:
    answer = run_module(claim, name="no-such-shop", metrics=True)
    assert answer["metrics_account"] == "no-such-shop-metrics"
    assert answer["made"][-2:] == [
        "the account no-such-shop",
        "the account no-such-shop-metrics",
    ]
    assert made == [
        ("no-such-shop", "no-such-shop", False),
        ("no-such-shop-metrics", "no-such-shop", False),
    ]
