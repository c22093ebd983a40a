"""The module that claims a name: its account, its folders, and check mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
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


def test_claim_of_what_is_taken_fails(
    run_module: Run, made: list[tuple[str, str, bool]], tmp_path: Path
) -> None:
    (tmp_path / "etc/no-such-shop/x").mkdir(parents=True)
    answer = run_module(claim, name="no-such-shop")
    assert answer["failed"]
    assert f"{tmp_path}/etc/no-such-shop exists" in answer["msg"]
    assert made == []
