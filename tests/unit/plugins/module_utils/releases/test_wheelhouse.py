"""Wheels that one host makes and another installs, without an index, by the real uv."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import Confinement
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import build
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.wheelhouse import make
from ansible_collections.asgi.fleet.plugins.module_utils.releases.wheels import Wheelhouse

from tests.unit.plugins.module_utils.release_host import APPLICATION, installed, wheel

pytestmark = pytest.mark.usefixtures("confinements")

Pack = Callable[..., Recipe]
PLATFORM = "x86_64, glibc 2.41, Python 3.13"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Wheels that an index would have; they are gone when a host installs."""
    folder = tmp_path / "index"
    wheel(folder, "toy", "1.0", requires="other_toy", code="ANSWER = 42", script="toy = toy:main")
    wheel(folder, "other_toy", "2.0.post1")
    return folder


@pytest.fixture
def app(pack: Pack, site: Path) -> Recipe:
    files = {"main.py": f"import toy\n{APPLICATION}", "requirements.txt": "toy==1.0\n"}
    return pack(files, find_links=str(site))


def made(app: Recipe, folder: Path) -> Wheelhouse:
    """Have the wheels made on a builder."""
    folder.mkdir()
    path = folder / "wheelhouses" / Path(app.path).name
    told = make(replace(app, path=str(path)), str(folder / "wheels.tar"), app.path)
    assert not path.exists()
    del told["digest"]
    return Wheelhouse(archive=str(folder / "wheels.tar"), platform=PLATFORM, **told)


def offline(app: Recipe, wheelhouse: Wheelhouse) -> Recipe:
    return replace(app, find_links="", wheelhouse=wheelhouse)


def test_host_installs_what_the_builder_made(
    app: Recipe, tmp_path: Path, confinements: list[Confinement]
) -> None:
    wheelhouse = made(app, tmp_path / "builder")
    confinements.clear()
    manifest = build(offline(app, wheelhouse), {})
    assert installed(app) == {"toy": "1.0", "other-toy": "2.0.post1"}
    # All but the import has no network at all.
    builds = [one for one in confinements if one.unit.endswith("-build")]
    assert len(builds) > 1
    assert all(("PrivateNetwork", "yes") in one.properties for one in builds)
    assert {tuple(one.sandbox.network_allow) for one in builds} == {()}
    assert manifest["installed_from"] == wheelhouse.told
    assert Path(app.inside(".venv", "bin", "toy")).exists()


def test_same_release_makes_the_same_bytes(app: Recipe, tmp_path: Path) -> None:
    assert made(app, tmp_path / "one").sha256 == made(app, tmp_path / "two").sha256


def test_host_that_has_the_same_wheels_gets_none(app: Recipe, tmp_path: Path) -> None:
    wheelhouse = made(app, tmp_path / "builder")
    first = build(offline(app, wheelhouse), {})
    path = app.path.replace("1.0-", "2.0-")
    second = replace(offline(app, replace(wheelhouse, archive="")), path=path)
    manifest = build(second, {}, {first["id"]: first})
    assert manifest["environment_from"] == first["id"]
    assert installed(second) == installed(app)


def test_wheels_that_were_not_sent_and_are_gone_are_told(app: Recipe, tmp_path: Path) -> None:
    wheelhouse = replace(made(app, tmp_path / "builder"), archive="")
    with pytest.raises(BuildError, match=r"was not sent, .* run again"):
        build(offline(app, wheelhouse), {})
    assert not Path(app.path).exists()


def test_damaged_archive_is_refused(app: Recipe, tmp_path: Path) -> None:
    wheelhouse = made(app, tmp_path / "builder")
    with Path(wheelhouse.archive).open("ab") as file:
        file.write(b"more")
    with pytest.raises(BuildError, match="the wheelhouse has the SHA-256"):
        build(offline(app, wheelhouse), {})


def test_wheel_with_another_digest_is_refused(app: Recipe, tmp_path: Path) -> None:
    wheelhouse = made(app, tmp_path / "builder")
    others = dict.fromkeys(wheelhouse.wheels, "0" * 64)
    with pytest.raises(BuildError, match="do not fit this host"):
        build(offline(app, replace(wheelhouse, wheels=others)), {})


#: Builds a wheel of one module with the standard library alone, unless it is on a host.
BACKEND = """
import os, zipfile
FILES = {
    "shop.py": "BUILT = True",
    "shop-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\n",
    "shop-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
def build_wheel(folder, *_):
    assert "/builder/" in os.getcwd()
    name = "shop-1.0-py3-none-any.whl"
    record = "".join(f"{file},,\\n" for file in FILES)
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for file, text in {**FILES, "shop-1.0.dist-info/RECORD": record}.items():
            wheel.writestr(file, text)
    return name
"""
PROJECT = """
[project]
name = "shop"
version = "1.0"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def test_project_itself_is_among_the_wheels(pack: Pack, tmp_path: Path) -> None:
    files = {"main.py": f"import shop\n{APPLICATION}", "backend.py": BACKEND}
    recipe = pack(
        {**files, "pyproject.toml": PROJECT},
        installation=Installation(file="pyproject.toml", package=True, name="shop"),
    )
    wheelhouse = made(recipe, tmp_path / "builder")
    assert list(wheelhouse.wheels) == ["shop-1.0-py3-none-any.whl"]
    with tarfile.open(wheelhouse.archive) as tar:
        assert tar.getnames() == ["wheels/shop-1.0-py3-none-any.whl"]
    build(offline(recipe, wheelhouse), {})
    assert installed(recipe) == {"shop": "1.0"}


def test_failed_build_leaves_nothing(pack: Pack, tmp_path: Path) -> None:
    recipe = pack({"main.py": APPLICATION, "requirements.txt": "nowhere==1\n"})
    with pytest.raises(BuildError, match=r"cannot be installed from requirements\.txt"):
        made(recipe, tmp_path / "builder")
    assert list((tmp_path / "builder" / "wheelhouses").iterdir()) == []
