"""Taking an application off: what goes, what stays, and that nobody else's is touched."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import removal
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    MARK,
    PARENTS,
    claim,
    claim_backups,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.removal import (
    RemovalError,
    plan,
    plan_certificate,
    remove,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd

UNITS = [
    "etc/systemd/system/shop@blue.socket",
    "etc/systemd/system/shop@blue.service",
    "etc/systemd/system/shop@blue-worker-1.service",
]
OURS = [
    *UNITS,
    "opt/shop/releases/v1/manifest.json",
    "etc/shop/blue/environment",
    "etc/shop/blue/plan.json",
    "etc/shop/tls/privkey.pem",
    "var/lib/shop/activations.jsonl",
    "var/lib/shop/activation.lock",
    "var/lib/shop/singletons",
    "var/lib/shop/left",
    "opt/shop/build.lock",
    "run/shop/blue/worker-1.json",
    "run/shop/processes/blue-worker-1/lock",
    "var/cache/shop/x",
    "var/cache/shop-build/uv/x",
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
    # Shared by all, whatever they are called.
    "var/cache/asgi-fleet/shop/x",
]
DATA = "var/lib/shop/state/orders"
LOCK = "var/lib/shop/rollout.lock"


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(
            "# shop: a unit. Written by asgi.fleet.\n" if path in UNITS else "x"
        )


def files(root: Path) -> set[str]:
    """Return all files but the marks."""
    found = {path.relative_to(root) for path in root.rglob("*") if not path.is_dir()}
    return {str(path) for path in found if path.name != MARK}


def marks(root: Path) -> set[str]:
    return {str(path.parent.relative_to(root)) for path in root.rglob(MARK)}


def account(comment: str = "asgi.fleet shop", uid: int = 2**31 - 5) -> pwd.struct_passwd:
    return pwd.struct_passwd(("shop", "x", uid, uid, comment, "/nonexistent", "/bin/false"))


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, pwd.struct_passwd]:
    """The host's accounts, none at first."""
    found: dict[str, pwd.struct_passwd] = {}
    monkeypatch.setattr(pwd, "getpwnam", lambda name: found[name])
    return found


@pytest.fixture
def shop(tmp_path: Path, accounts: dict[str, pwd.struct_passwd]) -> Application:
    """The application, with its folders and their marks."""
    assert not accounts
    application = Application("shop", str(tmp_path))
    claim(application, parents=PARENTS)
    build = tmp_path / "var/cache/shop-build"
    build.mkdir()
    (build / MARK).write_text("shop\n")
    return application


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record what is asked of systemd."""
    calls: list[str] = []

    def systemctl(*arguments: str, **_: bool) -> str:
        calls.append(" ".join(arguments))
        return ""

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    return calls


def test_removal_of_what_was_never_there_is_nothing(tmp_path: Path) -> None:
    todo = plan(Application("no-such-shop", str(tmp_path)), "", False)
    assert not todo
    assert todo.kept == []


@pytest.mark.usefixtures("asked")
def test_removal_of_what_a_removal_has_locked_is_nothing(tmp_path: Path) -> None:
    shop = Application("shop", str(tmp_path))
    claim(shop, parents=["var/lib"])
    make(tmp_path, LOCK)
    todo = plan(shop, "", False)
    assert not todo
    remove(shop, todo)
    assert not (tmp_path / "var/lib/shop").exists()


def test_removal_takes_all_of_the_application_and_nothing_of_others(
    shop: Application, tmp_path: Path, asked: list[str]
) -> None:
    make(tmp_path, *OURS, *OTHERS, LOCK)
    todo = plan(shop, "", False)
    assert (bool(todo), todo.kept) == (True, [])
    assert files(tmp_path) == {*OURS, *OTHERS, LOCK}
    remove(shop, todo)
    assert files(tmp_path) == set(OTHERS)
    assert marks(tmp_path) == set()
    for folder in ("opt", "etc", "var/lib", "var/cache", "run"):
        assert not (tmp_path / folder / "shop").exists()
    units = "shop@blue.socket shop@blue.service shop@blue-worker-1.service"
    assert [call.partition(" ")[0] for call in asked][:2] == ["disable", "stop"]
    assert all(call.endswith(units) for call in asked[:2])
    assert not plan(shop, "", False)


BACKUP = "var/backups/shop/20261121T061000Z/db"


def test_removal_takes_what_makes_backups_and_leaves_them(
    shop: Application,
    tmp_path: Path,
    asked: list[str],
    accounts: dict[str, pwd.struct_passwd],
) -> None:
    accounts["shop"] = account()
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("timer", "service"):
        (folder / f"shop-backup.{kind}").write_text("# shop: its. Written by asgi.fleet\n")
    claim_backups(shop)
    stamp = "var/lib/systemd/timers/stamp-shop-backup.timer"
    gone = ["var/lib/shop/backup.json", "var/lib/shop/backup.pyz", "etc/shop/backup.json", stamp]
    make(tmp_path, *gone, BACKUP)
    todo = plan(shop, "", False)
    assert todo.units == ["shop-backup.timer", "shop-backup.service"]
    assert todo.kept == [
        f"{tmp_path}/var/backups/shop: its backups; -e remove_data=true removes them as well",
        "the account shop: the data is its own",
    ]
    remove(shop, todo)
    assert files(tmp_path) == {BACKUP}
    assert asked[0] == "disable --quiet shop-backup.timer shop-backup.service"
    again = plan(shop, "", True)
    assert again.paths == [f"{tmp_path}/var/backups/shop"]
    assert again.accounts == ["shop"]


def test_removal_stops_a_backup_that_is_made(shop: Application, tmp_path: Path) -> None:
    make(tmp_path, "run/systemd/transient/asgi-fleet-shop-backup.service")
    make(tmp_path, "run/systemd/transient/asgi-fleet-shop-2-backup.service")
    assert plan(shop, "", False).commands == ["asgi-fleet-shop-backup.service"]


def test_removal_takes_what_renews_the_certificate(
    shop: Application, tmp_path: Path, asked: list[str]
) -> None:
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("timer", "service"):
        (folder / f"shop-certificate.{kind}").write_text("# shop: its. Written by asgi.fleet\n")
        (folder / f"shop-2-certificate.{kind}").write_text("# shop-2: its. Written by asgi.fleet\n")
    stamp = tmp_path / "var/lib/systemd/timers/stamp-shop-certificate.timer"
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    todo = plan(shop, "", False)
    assert todo.units == ["shop-certificate.timer", "shop-certificate.service"]
    remove(shop, todo)
    assert not stamp.exists()
    # Also one of a timer that a later mode has removed.
    stamp.touch()
    remove(shop, plan(shop, "", False))
    assert not stamp.exists()
    assert asked[0] == "disable --quiet shop-certificate.timer shop-certificate.service"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("shop-2-certificate.service", "shop-2-certificate.timer")
    ]
    (folder / "shop-certificate.timer").write_text("[Timer]\n")
    again = plan(shop, "", False)
    assert (again.units, again.kept) == (
        [],
        [f"{folder}/shop-certificate.timer: it was not written by asgi.fleet"],
    )


def test_removal_takes_what_recycles(shop: Application, tmp_path: Path, asked: list[str]) -> None:
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("timer", "service"):
        Path(shop.recycling[kind]).write_text("# shop: its. Written by asgi.fleet\n")
    claim(shop, parents=["opt", "etc", "var/lib"])
    for path in (shop.recycling["settings"], shop.recycling["program"], shop.recycled):
        Path(path).write_text("")
    todo = plan(shop, "", False)
    assert todo.units == ["shop-recycle.timer", "shop-recycle.service"]
    assert todo.kept == []
    remove(shop, todo)
    assert asked[0] == "disable --quiet shop-recycle.timer shop-recycle.service"
    assert files(tmp_path) == set()


def test_balancer_loses_the_certificate_of_a_site_and_nothing_else(
    shop: Application,
    tmp_path: Path,
    accounts: dict[str, pwd.struct_passwd],
    asked: list[str],
) -> None:
    make(tmp_path, "etc/shop/tls/pair-1/privkey.pem", "var/lib/shop/acme/outcome.json")
    make(tmp_path, "etc/shop/own", "etc/shop-2/tls/privkey.pem")
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "shop-certificate.timer").write_text("# shop: its. Written by asgi.fleet\n")
    pairs = tmp_path / "etc/shop/tls"
    # Of somebody who has a pair there by chance.
    assert str(pairs) not in plan_certificate(shop).paths
    (pairs / "fullchain.pem.key").symlink_to(pairs / "current/privkey.pem")
    accounts["shop-acme"] = account(uid=os.getuid())
    todo = plan_certificate(shop)
    assert todo.accounts == ([] if os.getuid() == 0 else ["shop-acme"])
    # It is whoever runs this test.
    todo.accounts.clear()
    remove(shop, todo)
    assert files(tmp_path) == {"etc/shop/own", "etc/shop-2/tls/privkey.pem"}
    assert asked[0] == "disable --quiet shop-certificate.timer"
    with pytest.raises(RemovalError, match="expected a lower-case letter"):
        plan_certificate(Application("../x", str(tmp_path)))


def test_removal_ends_commands_of_the_application_and_of_no_other(
    shop: Application, tmp_path: Path, asked: list[str]
) -> None:
    ours = ["asgi-fleet-shop-run-0a1b2c3d.service", "asgi-fleet-shop-run-0a1b2c3d-keeper.service"]
    others = [
        "asgi-fleet-shop-admin-run-0a1b2c3d.service",
        "asgi-fleet-shop-run-hook.service",
        "asgi-fleet-firewall-undo.service",
    ]
    make(tmp_path, *(f"run/systemd/transient/{unit}" for unit in (*others, *reversed(ours))))
    make(tmp_path, "run/shop/run-0a1b2c3d/x", "run/shop/run-other/x", "var/lib/shop/commands.jsonl")
    todo = plan(shop, "", remove_data=False)
    remove(shop, todo)
    # What keeps a command would note that it was killed.
    assert asked[0] == f"stop {' '.join(ours)}"
    assert all(unit not in line for unit in others for line in asked)
    left = files(tmp_path)
    assert "run/shop/run-0a1b2c3d/x" not in left
    assert "var/lib/shop/commands.jsonl" not in left
    assert "run/shop/run-other/x" in left


@pytest.mark.usefixtures("asked")
def test_removal_keeps_data_and_the_account_that_owns_it(
    shop: Application, tmp_path: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    make(tmp_path, *OURS, DATA)
    accounts["shop"] = account()
    todo = plan(shop, "", False)
    assert todo.accounts == []
    assert len(todo.kept) == 2
    remove(shop, todo)
    assert files(tmp_path) == {DATA}
    # The next deployment finds its own.
    assert marks(tmp_path) == {"var/lib/shop"}
    again = plan(shop, "", False)
    assert not again
    assert again.kept == todo.kept


def test_removal_with_data_takes_data_and_accounts(
    shop: Application, tmp_path: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    make(tmp_path, *OURS, DATA)
    accounts |= {"shop": account(), "shop-build": account()}
    todo = plan(shop, "", True)
    assert (todo.accounts, todo.kept) == (["shop", "shop-build"], [])
    assert str(tmp_path / "var/lib/shop/state") in todo.paths


def test_removal_takes_a_data_folder_that_is_empty(shop: Application, tmp_path: Path) -> None:
    (tmp_path / "var/lib/shop/state").mkdir(parents=True)
    assert plan(shop, "", False).paths == [
        f"{tmp_path}/var/lib/shop/state",
        f"{tmp_path}/var/cache/shop",
        f"{tmp_path}/var/cache/shop-build",
    ]


@pytest.mark.parametrize(
    ("user", "found", "reason"),
    [
        ("www-data", account("www-data"), "it was not made for shop"),
        ("shop", account("Ada Lovelace"), "it was not made for shop"),
        ("shop", account("asgi.fleet shopping"), "it was not made for shop"),
        ("shop", account(uid=0), "it was not made for shop"),
        ("web", account(), "other applications may use it as well"),
    ],
)
def test_removal_keeps_an_account_that_is_not_its_own(
    shop: Application,
    accounts: dict[str, pwd.struct_passwd],
    user: str,
    found: pwd.struct_passwd,
    reason: str,
) -> None:
    accounts[user] = found
    todo = plan(shop, user, True)
    assert todo.accounts == []
    assert todo.kept == [f"the account {user}: {reason}"]


@pytest.mark.parametrize("parent", ["opt", "etc", "var/lib", "var/cache"])
def test_removal_keeps_a_folder_without_the_mark(tmp_path: Path, parent: str) -> None:
    # With names that asgi.fleet would have used.
    for name in ("releases", "tls", "state"):
        make(tmp_path, f"{parent}/dpkg/{name}/thesis.tex")
    make(tmp_path, "run/dpkg/blue.sock", "var/log/nginx/dpkg.log")
    todo = plan(Application("dpkg", str(tmp_path)), "", True)
    assert not todo
    assert todo.kept == [f"{tmp_path}/{parent}/dpkg: it has no mark of asgi.fleet for dpkg"]


@pytest.mark.usefixtures("asked")
def test_removal_keeps_and_names_what_others_put_into_a_folder(
    shop: Application, tmp_path: Path
) -> None:
    foreign = [
        "opt/shop/backup.sh",
        "opt/shop/releases.bak/v1",
        "etc/shop/notes",
        "var/lib/shop/dump.sql",
        "run/shop/other.sock",
        "etc/systemd/system/shop@blue.service.d/more.conf",
        "etc/systemd/system/shop@green.service",
    ]
    make(tmp_path, *OURS, *foreign)
    todo = plan(shop, "", True)
    remove(shop, todo)
    assert files(tmp_path) == set(foreign)
    assert sorted(line.partition(": ")[0] for line in todo.kept) == sorted(
        f"{tmp_path}/{name}"
        for name in [path.removesuffix("/v1").removesuffix("/more.conf") for path in foreign]
    )
    assert marks(tmp_path) == {"opt/shop", "etc/shop", "var/lib/shop"}


@pytest.mark.usefixtures("asked")
def test_removal_takes_what_a_killed_run_left_half_written(
    shop: Application, tmp_path: Path
) -> None:
    make(tmp_path, "var/lib/shop/.activations.jsonl.x1", "var/lib/shop/rollout.lock.x2")
    remove(shop, plan(shop, "", False))
    assert files(tmp_path) == set()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "Shop", "uv", "-shop", "shop\n", "s" * 32])
def test_removal_refuses_a_name_of_no_application(tmp_path: Path, name: str) -> None:
    with pytest.raises(RemovalError, match="expected a lower-case letter"):
        plan(Application(name, str(tmp_path)), "", True)


@pytest.mark.usefixtures("asked")
def test_removal_does_not_follow_a_link_out_of_its_folder(
    shop: Application, tmp_path: Path
) -> None:
    make(tmp_path, "srv/photos/1.jpg", "opt/shop/releases/v1/manifest.json")
    (tmp_path / "opt/shop/releases/v1/photos").symlink_to(tmp_path / "srv/photos")
    remove(shop, plan(shop, "", True))
    assert files(tmp_path) == {"srv/photos/1.jpg"}


def test_removal_tells_that_an_account_stays_in_use(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwnam", lambda _: account())
    todo = removal.Removal(accounts=["no-such-account-of-fleet"])
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
    remove(shop, removal.Removal(accounts=["shop"]))
    assert killed == [41, 42]
    assert (tmp_path / "deleted").read_text() == "shop\n"
    assert asked == []
