"""An application that needs something of the system: told by name, and there by one line."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from events import Shop
from projects import Project

LIBRARY = """\
from setuptools import setup

setup(name="greeting", version="1.0", py_modules=["greeting"])
"""
#: Asks the loader for a library, as bindings do that bring none.
MAIN = """\
import ctypes

from greeting import WORDS
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

ctypes.CDLL("libmagic.so.1")
app = Starlette(routes=[Route("/healthz", lambda request: PlainTextResponse(WORDS))])
"""
REPOSITORY = "/srv/greeting.git"


@pytest.fixture
def project(shop: Shop, tmp_path: Path) -> Project:
    """A project that requires a package from a git repository, which is on the host itself."""
    assert shop.shell("command -v git || true") == "", "the host has git: this shows nothing"
    library = tmp_path / "greeting"
    library.mkdir()
    (library / "setup.py").write_text(LIBRARY, encoding="utf-8")
    (library / "greeting.py").write_text('WORDS = "from git"\n', encoding="utf-8")
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "--all"),
        ("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-qm", "first"),
        ("clone", "-q", "--bare", "--template=", ".", str(tmp_path / "greeting.git")),
    ):
        subprocess.run(["git", *arguments], cwd=library, check=True)
    tar = subprocess.run(
        ["tar", "--create", "--gzip", "greeting.git"], cwd=tmp_path, capture_output=True, check=True
    ).stdout
    shop.shell(f"echo {base64.b64encode(tar).decode()} | base64 -d | tar -xz -C /srv")
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.py").write_text(MAIN, encoding="utf-8")
    (source / "requirements.txt").write_text(
        f"starlette\ngreeting @ git+file://{REPOSITORY}\n", encoding="utf-8"
    )
    return Project(shop, "needs")


def test_what_the_host_lacks_is_named_and_installed(
    shop: Shop, project: Project, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    # The build cannot fetch, then the import cannot load.
    project.refuse(source, "", "missing on the host: git; add to app_system_packages: [git]")
    # git reads no repository of somebody else.
    shop.shell(f"chown -R needs-build: {REPOSITORY}")
    project.refuse(
        source,
        "",
        "Missing on the host: libmagic.so.1; add to app_system_packages: [libmagic1]",
        app_system_packages=["git"],
    )
    project.refuse(
        source,
        "",
        "app_system_packages contains libmagic11, which apt on this host does not know; expected",
        app_system_packages=["git", "libmagic11"],
    )
    # A name that Debian 13 has no package of, but another that provides it.
    wanted = ["git", "libmagic1"]
    project.release(source, app_system_packages=wanted)
    assert project.ask() == "from git"
    # What is there costs no mirror, and one question at most.
    variables = {**project.variables(source), "app_system_packages": wanted}
    shop.shell("mv /etc/apt/sources.list.d /etc/apt/away && mkdir /etc/apt/sources.list.d")
    try:
        assert shop.round_trips("release", **variables) <= 5
    finally:
        shop.shell("rmdir /etc/apt/sources.list.d && mv /etc/apt/away /etc/apt/sources.list.d")
