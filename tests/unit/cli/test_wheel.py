"""The wheel: the collection as it would be published, the same for everybody, with pinned tools."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import tomllib
import yaml

ROOT = Path(__file__).resolve().parents[3]
INSIDE = "asgi_fleet/collections/ansible_collections/asgi/fleet/"
PYPROJECT = tomllib.loads((ROOT / "cli" / "pyproject.toml").read_text(encoding="utf-8"))


def build(clone: Path, out: Path) -> Path:
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out))
    subprocess.run(command, cwd=clone / "cli", check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two clean copies of what would be committed."""
    folder = tmp_path_factory.mktemp("clean")
    for clone in (folder / "one", folder / "two"):
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        clone.mkdir()
        copied = ("tar", "-C", str(ROOT), "--null", "--ignore-failed-read", "-T-", "-cf-")
        packed = subprocess.run(copied, input=listed, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-C", clone, "-xmf", "-"], input=packed, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(clean: Path) -> Path:
    return build(clean / "one", clean / "out-one")


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_is_the_same_wherever_and_whenever_it_is_built(wheel: Path, clean: Path) -> None:
    assert wheel.read_bytes() == build(clean / "two", clean / "out-two").read_bytes()


def test_wheel_holds_what_the_collection_holds(
    clean: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    command: list[str | Path] = [galaxy, "collection", "build", "--output-path", tmp_path]
    subprocess.run(command, cwd=clean / "one", check=True, capture_output=True)
    (artifact,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(artifact) as archive:
        wanted = {member.name for member in archive if not member.isdir()}
    held = {name.removeprefix(INSIDE) for name in files if name.startswith(INSIDE)}
    assert held == wanted - {"FILES.json", "MANIFEST.json"} | {"galaxy.yml"}


def test_wheel_holds_nothing_else_than_the_command(files: dict[str, bytes]) -> None:
    others = {name for name in files if not name.startswith(INSIDE) and ".dist-info/" not in name}
    ours = {
        str(path.relative_to(ROOT / "cli"))
        for path in (ROOT / "cli" / "asgi_fleet").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert others == ours | {"asgi_fleet/ansible.cfg"}


def test_wheel_has_the_settings_and_the_version_of_the_clone(
    wheel: Path, files: dict[str, bytes]
) -> None:
    assert files["asgi_fleet/ansible.cfg"] == (ROOT / "ansible.cfg").read_bytes()
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert wheel.name == f"asgi_fleet-{version}-py3-none-any.whl"


def test_what_is_no_clone_is_refused_in_a_sentence(tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", ROOT / "cli", tmp_path / "cli"], check=True)
    (tmp_path / "galaxy.yml").write_text("version: 1.0.0\n")
    command = (sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path))
    ended = subprocess.run(
        command, cwd=tmp_path / "cli", capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "is built as sdist; expected a wheel, from the folder cli of a clone" in ended.stderr


def test_versions_are_those_that_everything_is_tested_with() -> None:
    lock = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", lock, re.MULTILINE))
    asked = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["build-system"]["requires"]]
    for requirement in asked:
        name, equal, version = requirement.partition("==")
        assert equal, f"{requirement} is not pinned"
        assert locked.get(name) == version, requirement
    assert {"ansible-core", "ansible", "rich"} <= {one.partition("==")[0] for one in asked}
