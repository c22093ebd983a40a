"""Taking an application off: what goes, what stays, and that nobody else's is touched."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import removal
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.removal import (
    RemovalError,
    plan,
    remove,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd

OURS = [
    "etc/systemd/system/shop@blue.socket",
    "etc/systemd/system/shop@blue.service",
    "etc/systemd/system/shop@blue.service.d/more.conf",
    "opt/shop/releases/v1/manifest.json",
    "etc/shop/blue/environment",
    "etc/shop/blue/plan.json",
    "etc/shop/tls/privkey.pem",
    "var/lib/shop/activations.jsonl",
    "run/shop/blue/worker-1.json",
    "var/cache/shop/x",
    "var/cache/asgi-fleet/shop/v1.tar.gz",
    "var/log/nginx/shop.log",
    "var/log/nginx/shop.log.2.gz",
]
OTHERS = [
    "etc/systemd/system/shop-admin@blue.socket",
    "opt/shop-admin/releases/v1/manifest.json",
    "etc/shop-admin/blue/environment",
    "var/lib/shop-admin/state/db",
    "var/log/nginx/shop-admin.log",
    "opt/uv/1/bin/uv",
]
DATA = "var/lib/shop/state/orders"
LOCK = "var/lib/shop/rollout.lock"


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def account(home: str = "/nonexistent", uid: int = 990) -> pwd.struct_passwd:
    return pwd.struct_passwd(("shop", "x", uid, uid, "", home, "/usr/sbin/nologin"))


def no_account(_: str) -> pwd.struct_passwd:
    raise KeyError


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record what is asked of systemd."""
    calls: list[str] = []

    def systemctl(*arguments: str, **_: bool) -> str:
        calls.append(" ".join(arguments))
        return ""

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    return calls


def test_removal_of_what_was_never_there_is_nothing(shop: Application) -> None:
    todo = plan(shop, "shop", False, no_account)
    assert not todo
    assert todo.kept == ()


def test_removal_takes_all_of_the_application_and_nothing_of_others(
    shop: Application, tmp_path: Path, asked: list[str]
) -> None:
    make(tmp_path, *OURS, *OTHERS, LOCK)
    todo = plan(shop, "shop", False, no_account)
    assert todo
    assert files(tmp_path) == {*OURS, *OTHERS, LOCK}
    remove(shop, todo)
    assert files(tmp_path) == set(OTHERS)
    assert not (tmp_path / "var/lib/shop").exists()
    units = "shop@blue.socket shop@blue.service"
    assert [call.partition(" ")[0] for call in asked][:2] == ["disable", "stop"]
    assert all(call.endswith(units) for call in asked[:2])
    assert not plan(shop, "shop", False, no_account)


@pytest.mark.usefixtures("asked")
def test_removal_keeps_data_and_the_account_that_owns_it(shop: Application, tmp_path: Path) -> None:
    make(tmp_path, *OURS, DATA)
    todo = plan(shop, "shop", False, lambda _: account())
    assert todo.account == ""
    assert len(todo.kept) == 2
    remove(shop, todo)
    assert files(tmp_path) == {DATA}
    again = plan(shop, "shop", False, lambda _: account())
    assert not again
    assert again.kept == todo.kept


def test_removal_with_data_takes_data_and_account(shop: Application, tmp_path: Path) -> None:
    make(tmp_path, *OURS, DATA)
    todo = plan(shop, "shop", True, lambda _: account())
    assert (todo.account, todo.kept) == ("shop", ())
    assert str(tmp_path / "var/lib/shop/state") in todo.paths


def test_removal_takes_a_data_folder_that_is_empty(shop: Application, tmp_path: Path) -> None:
    (tmp_path / "var/lib/shop/state").mkdir(parents=True)
    todo = plan(shop, "shop", False, lambda _: account())
    assert (todo.account, todo.kept) == ("shop", ())


@pytest.mark.parametrize(
    ("user", "home", "uid"),
    [("www-data", "/nonexistent", 33), ("shop", "/home/shop", 1000), ("shop", "/nonexistent", 0)],
)
def test_removal_keeps_an_account_that_was_not_made_for_it(
    shop: Application, user: str, home: str, uid: int
) -> None:
    todo = plan(shop, user, True, lambda _: account(home, uid))
    assert todo.account == ""
    assert todo.kept == (f"the account {user}: it was not made for shop",)


@pytest.mark.parametrize("parent", ["opt", "etc", "var/lib"])
def test_removal_keeps_a_folder_of_somebody_else(
    shop: Application, tmp_path: Path, parent: str
) -> None:
    make(tmp_path, f"{parent}/shop/thesis.tex")
    todo = plan(shop, "shop", True, no_account)
    assert not todo
    assert todo.kept == (f"{tmp_path}/{parent}/shop: none of what is in it was made by asgi.fleet",)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "Shop", "-shop", "shop\n", "s" * 32])
def test_removal_refuses_a_name_of_no_application(tmp_path: Path, name: str) -> None:
    with pytest.raises(RemovalError, match="expected a lower-case letter"):
        plan(Application(name, str(tmp_path)), "shop", True, no_account)


@pytest.mark.usefixtures("asked")
def test_removal_does_not_follow_a_link_out_of_its_folder(
    shop: Application, tmp_path: Path
) -> None:
    make(tmp_path, "srv/photos/1.jpg", "opt/shop/releases/v1/manifest.json")
    (tmp_path / "opt/shop/releases/v1/photos").symlink_to(tmp_path / "srv/photos")
    remove(shop, plan(shop, "shop", True, no_account))
    assert files(tmp_path) == {"srv/photos/1.jpg"}


def test_removal_tells_that_an_account_stays_in_use(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwnam", lambda _: account(uid=2**31 - 5))
    todo = removal.Removal((), (), "no-such-account-of-fleet", ())
    with pytest.raises((RemovalError, FileNotFoundError), match="userdel"):
        remove(shop, todo)


def test_removal_goes_on_when_a_process_ends_by_itself(
    shop: Application, asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed = []

    def kill(process: int, _signal: int) -> None:
        killed.append(process)
        raise ProcessLookupError(3, "No such process")

    userdel = tmp_path / "bin" / "userdel"
    make(tmp_path, "bin/userdel")
    userdel.write_text(f"#!/bin/sh\necho $1 >{tmp_path}/deleted\n")
    userdel.chmod(0o755)
    monkeypatch.setenv("PATH", f"{userdel.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(pwd, "getpwnam", lambda _: account())
    monkeypatch.setattr(removal, "_processes_of", lambda _uid: [41, 42])
    monkeypatch.setattr(os, "kill", kill)
    remove(shop, removal.Removal((), (), "shop", ()))
    assert killed == [41, 42]
    assert (tmp_path / "deleted").read_text() == "shop\n"
    assert asked == []
