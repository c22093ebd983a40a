"""What the system has of a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.packaged import (
    owner_of_folder,
    owner_of_name,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.names import (
    OWN_NAMES,
    SYSTEM_NAMES,
)


def listed(root: Path, package: str, *folders: str) -> None:
    lists = root / "var/lib/dpkg/info"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / f"{package}.list").write_text("\n".join(["/.", *folders]) + "\n")


@pytest.mark.parametrize("name", ["grub", "deploy", "postgresql", "cloud"])
def test_name_that_a_system_may_have_is_known_without_it(tmp_path: Path, name: str) -> None:
    (told,) = owner_of_name(Application(name, str(tmp_path)))

    assert told == f"{name} is a name of {SYSTEM_NAMES[name]}"


@pytest.mark.parametrize("package", ["curl", "curl:amd64"])
def test_name_of_an_installed_package_is_known(tmp_path: Path, package: str) -> None:
    listed(tmp_path, package, "/usr/bin/curl")

    assert list(owner_of_name(Application("curl", str(tmp_path)))) == [
        "the package curl is installed"
    ]
    assert list(owner_of_name(Application("cur", str(tmp_path)))) == []


@pytest.mark.parametrize("unit", ["shop.service", "shop.timer", "shop.slice"])
def test_unit_of_a_package_is_known_and_a_companion_of_the_operators_is_not(
    tmp_path: Path, unit: str
) -> None:
    for folder in ("etc/systemd/system", "usr/lib/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    shop = Application("shop", str(tmp_path))
    (tmp_path / "etc/systemd/system" / unit).touch()
    assert list(owner_of_name(shop)) == []

    (tmp_path / "usr/lib/systemd/system" / unit).touch()
    assert list(owner_of_name(shop)) == [f"{tmp_path}/usr/lib/systemd/system/{unit} exists"]


def test_folder_of_a_package_is_known_by_its_whole_path(tmp_path: Path) -> None:
    listed(tmp_path, "base-files", "/var/lib/misc", "/var/lib/misc/x")
    shop = Application("misc", str(tmp_path))

    assert owner_of_folder(f"{tmp_path}/var/lib/misc", shop) == "base-files"
    assert owner_of_folder(f"{tmp_path}/var/lib/mis", shop) == ""
    assert owner_of_folder("/nowhere", Application("misc")) == ""


def test_names_are_in_one_list_only() -> None:
    assert not {*OWN_NAMES} & {*SYSTEM_NAMES}
