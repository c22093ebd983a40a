"""Whose a name is on a host: what carries the mark is the application's, all else is refused."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    MARK,
    PARENTS,
    ForeignError,
    claim,
    is_ours,
    is_ours_by_header,
)

UNIT = "# shop: its blue slot. Written by asgi.fleet; a new release may replace it.\n[Unit]\n"


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, pwd.struct_passwd]:
    """The host's accounts, none at first."""
    found: dict[str, pwd.struct_passwd] = {}
    monkeypatch.setattr(pwd, "getpwnam", lambda name: found[name])
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def account(comment: str, uid: int = 1000) -> pwd.struct_passwd:
    return pwd.struct_passwd(("x", "x", uid, uid, comment, "/home/x", "/bin/bash"))


def refusal(application: Application, user: str = "") -> str:
    """Return why a name is refused, in either mode, and see that nothing was made."""
    before = sorted(Path(application.root).rglob("*"))
    with pytest.raises(ForeignError) as error:
        claim(application, user, parents=PARENTS)
    with pytest.raises(ForeignError):
        claim(application, user, check_mode=True)
    assert sorted(Path(application.root).rglob("*")) == before
    return str(error.value)


def test_claim_makes_marked_folders_once(shop: Application, tmp_path: Path) -> None:
    expected = [f"{tmp_path}/{parent}/shop" for parent in PARENTS]
    assert claim(shop, check_mode=True, parents=PARENTS) == expected
    assert list(tmp_path.iterdir()) == []
    previous = os.umask(0o077)
    try:
        assert claim(shop, parents=PARENTS) == expected
    finally:
        os.umask(previous)
    for path in map(Path, expected):
        assert (path / MARK).read_text() == "shop\n"
        assert path.stat().st_mode & 0o777 == 0o755
    assert claim(shop, parents=PARENTS) == []


def test_claim_adopts_an_empty_folder_that_a_killed_run_did_not_mark(
    shop: Application, tmp_path: Path
) -> None:
    (tmp_path / "opt/shop").mkdir(parents=True)
    claim(shop, parents=["opt"])
    assert (tmp_path / "opt/shop" / MARK).exists()


def test_claim_does_not_adopt_an_empty_folder_of_a_package(
    shop: Application, tmp_path: Path
) -> None:
    (tmp_path / "var/lib/shop").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/info").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/info/base-files.list").write_text("/.\n/var/lib/shop\n")

    told = refusal(shop)

    assert f"{tmp_path}/var/lib/shop exists and has no mark of asgi.fleet" in told
    assert "(it is the package base-files's)" in told
    assert "echo" not in told


def test_name_of_a_system_is_refused_unless_it_was_deployed_before(tmp_path: Path) -> None:
    vault = Application("grub", str(tmp_path))
    assert "grub is a name of the boot loader" in refusal(vault)

    (tmp_path / "var/lib/grub").mkdir(parents=True)
    (tmp_path / "var/lib/grub" / MARK).write_text("grub\n")
    assert claim(vault, parents=["opt"]) == [f"{tmp_path}/opt/grub"]


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_claim_does_not_adopt_a_folder_that_others_write(
    shop: Application, tmp_path: Path, mode: int
) -> None:
    (tmp_path / "opt/shop").mkdir(parents=True)
    (tmp_path / "opt/shop").chmod(mode)
    assert f"{tmp_path}/opt/shop exists" in refusal(shop)


@pytest.mark.parametrize("parent", PARENTS)
def test_claim_refuses_a_folder_of_somebody_else(tmp_path: Path, parent: str) -> None:
    folder = tmp_path / parent / "dpkg"
    folder.mkdir(parents=True)
    (folder / "status").write_text("x")
    told = refusal(Application("dpkg", str(tmp_path)))
    assert told.startswith("dpkg is taken on this host, and nothing was changed: ")
    assert f"{folder} exists and has no mark of asgi.fleet" in told
    assert told.endswith("; choose another app_name")


def test_claim_refuses_a_folder_with_the_mark_of_another(shop: Application, tmp_path: Path) -> None:
    claim(shop, parents=["etc"])
    (tmp_path / "etc/shop").rename(tmp_path / "etc/store")
    told = refusal(Application("store", str(tmp_path)))
    assert f"{tmp_path}/etc/store exists and is shop's" in told
    assert "echo" not in told


def test_claim_believes_no_mark_that_is_a_link_or_a_pipe(shop: Application, tmp_path: Path) -> None:
    folder = tmp_path / "opt/shop"
    folder.mkdir(parents=True)
    (tmp_path / "mark").write_text("shop\n")
    (folder / MARK).symlink_to(tmp_path / "mark")
    refusal(shop)
    (folder / MARK).unlink()
    os.mkfifo(folder / MARK)
    refusal(shop)


def test_claim_names_everything_at_once(
    shop: Application, tmp_path: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    accounts |= {"shop": account("Ada"), "shop-build": account("Bob")}
    for path in ("opt/shop/x", "etc/shop/x", "usr/lib/systemd/system/shop@.service"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    told = refusal(shop)
    for name in ("account shop exists", "account shop-build exists", "opt/shop", "etc/shop"):
        assert name in told
    assert "usr/lib/systemd/system/shop@.service exists and was not written" in told
    assert "usermod" not in told


@pytest.mark.parametrize("left", ["unit", "live link", "history", "data"])
def test_claim_tells_how_to_mark_a_deployment_of_an_earlier_version(
    shop: Application, tmp_path: Path, accounts: dict[str, pwd.struct_passwd], left: str
) -> None:
    accounts["shop"] = account("", 990)
    for path in ("opt/shop/releases", "etc/shop/tls", "etc/systemd/system", "var/lib/shop"):
        (tmp_path / path).mkdir(parents=True)
    if left == "unit":
        (tmp_path / "etc/systemd/system/shop@blue.service").write_text(UNIT)
        (tmp_path / "var/lib/shop/state").mkdir()
        (tmp_path / "var/lib/shop/maintenance").touch()
    elif left == "live link":
        Path(shop.live_link).symlink_to("/run/shop/blue.sock")
    elif left == "history":
        Path(shop.activations).touch()
    else:
        (tmp_path / "var/lib/shop/state").mkdir()
    told = refusal(shop)
    commands = told.partition("an earlier version of asgi.fleet, mark it: ")[2].split("; ")
    assert commands == [
        "usermod --comment 'asgi.fleet shop' shop",
        *(f"echo shop > {tmp_path}/{parent}/shop/.asgi.fleet" for parent in PARENTS[:3]),
    ]
    accounts["shop"] = account("asgi.fleet shop", 990)
    for parent in PARENTS[:3]:
        (tmp_path / parent / "shop/.asgi.fleet").write_text("shop\n")
    claim(shop, parents=PARENTS)


def test_claim_refuses_a_name_of_its_own_before_anything_has_it(tmp_path: Path) -> None:
    assert "asgi.fleet uses that name itself" in refusal(Application("uv", str(tmp_path)))


@pytest.mark.parametrize(
    "path",
    [
        "etc/systemd/system/shop@blue.service",
        "lib/systemd/system/shop@.socket",
        "usr/lib/systemd/system/shop@x.service",
        "etc/nginx/conf.d/shop.conf",
    ],
)
def test_claim_refuses_a_unit_or_a_site_of_somebody_else(
    shop: Application, tmp_path: Path, path: str
) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(UNIT.replace("asgi.fleet", "hand"))
    assert f"{tmp_path}/{path} exists and was not written by asgi.fleet" in refusal(shop)
    (tmp_path / path).write_text(UNIT)
    claim(shop)


@pytest.mark.parametrize("path", ["run/shop/lock", "var/log/nginx/shop.log"])
def test_claim_refuses_what_cannot_carry_a_mark_where_nothing_else_is_there(
    shop: Application, tmp_path: Path, path: str
) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("x")
    assert "exists and asgi.fleet has not made it" in refusal(shop)
    site = tmp_path / "etc/nginx/conf.d/shop.conf"
    site.parent.mkdir(parents=True)
    site.write_text("# The site shop. Written by the role nginx_site; changes here are lost.\n")
    claim(shop)


def test_header_names_this_application_and_no_other(shop: Application, tmp_path: Path) -> None:
    unit = tmp_path / "unit"
    for text in (
        UNIT.replace("shop", "shop-two"),
        UNIT.replace("shop", "my-shop"),
        f"[Unit]\n{'#' * 500}\n{UNIT}",
        "",
    ):
        unit.write_text(text)
        assert not is_ours_by_header(str(unit), shop)
    assert not is_ours_by_header(str(tmp_path / "none"), shop)


def test_folder_of_the_applications_account_needs_no_mark(
    shop: Application, tmp_path: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    cache = tmp_path / "var/cache/shop"
    cache.mkdir(parents=True)
    (cache / "x").write_text("x")
    mine = os.getuid()
    accounts["shop"] = account("Ada", mine)
    assert not is_ours(str(cache), shop)
    accounts["shop"] = account("asgi.fleet shop", mine)
    assert is_ours(str(cache), shop)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_folder_of_an_account_that_the_operator_names_needs_a_mark(
    shop: Application, tmp_path: Path, accounts: dict[str, pwd.struct_passwd]
) -> None:
    accounts["web"] = account("of other applications", 65534)
    for parent in ("var/lib", "var/cache"):
        (tmp_path / parent / "shop").mkdir(parents=True)
        (tmp_path / parent / "shop" / "data").touch()
        os.chown(tmp_path / parent / "shop", 65534, 65534)
    told = refusal(shop, "web")
    for parent in ("var/lib", "var/cache"):
        assert f"{tmp_path}/{parent}/shop exists and has no mark" in told
    # systemd gives the cache of a marked deployment to the account, which may remove the mark.
    os.chown(tmp_path / "var/lib/shop", 0, 0)
    (tmp_path / "var/lib/shop" / MARK).write_text("shop\n")
    claim(shop, "web")
    assert is_ours(f"{tmp_path}/var/cache/shop", shop, "web")
    assert not is_ours(f"{tmp_path}/var/cache/shop", shop)


def test_account_that_the_operator_names_is_no_reason_to_refuse(
    shop: Application, accounts: dict[str, pwd.struct_passwd]
) -> None:
    accounts |= {"web": account("the team's"), "shop": account("Ada")}
    claim(shop, "web")
    assert "account shop exists" in refusal(shop, "shop")
