"""What is in the repository is on the host: times, modes, line endings, names, and no secret."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from events import Shop
from projects import Project

MAIN = """\
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

app = FastAPI()
app.mount("/static", StaticFiles(directory="static"))


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {}
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two tags of one second; the second changes a file and keeps its size."""
    root = tmp_path / "shop"
    (root / "static").mkdir(parents=True)
    (root / "scripts").mkdir()
    (root / "main.py").write_text(MAIN)
    (root / "requirements.txt").write_text("fastapi\n")
    (root / "static" / "app.js").write_text("v=1;")
    (root / "static" / b"caf\xe9.txt".decode(errors="surrogateescape")).write_text("")
    (root / "scripts" / "prestart.sh").write_text('#!/bin/sh\ntouch "$STATE_DIRECTORY/ran"\n')
    (root / "scripts" / "prestart.sh").chmod(0o755)
    (root / ".env").write_text("GREETING=from the laptop\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all", "--force")
    # In the objects before these attributes can change them.
    (root / ".gitattributes").write_text("* text eol=crlf\n")
    git(root, "add", ".gitattributes")
    git(root, "commit", "--quiet", "--message=one")
    git(root, "tag", "shop@1.0.0")
    (root / "static" / "app.js").write_text("v=2;")
    git(root, "commit", "--quiet", "--all", "--message=two")
    git(root, "tag", "shop@2.0.0")
    return root


def test_release_is_what_the_repository_has(shop: Shop, repository: Path) -> None:
    project = Project(shop, "packed")
    source = {"type": "git", "url": str(repository), "version": "shop@1.0.0"}
    hooks = {"before_activate": ["./scripts/prestart.sh"]}
    said = " ".join(project.release(source, "main:app", app_hooks=hooks).split())
    assert "left out, since it may hold secrets: .env (app_source.include: [.env] packs it)" in said
    assert ".gitattributes has eol=crlf; the files are packed as git stores them" in said
    assert "left out, since it may hold secrets: .env" in " ".join(project.manifest["notes"])
    assert shop.shell("ls /var/lib/packed/state/ran") == "/var/lib/packed/state/ran"
    listing = "import os; print(sorted(os.listdir(b'.')), sorted(os.listdir(b'static')))"
    assert shop.shell(f'cd {project.folder}/src && python3 -c "{listing}"') == (
        "[b'.gitattributes', b'__pycache__', b'main.py', b'requirements.txt', b'scripts', "
        "b'static'] "
        "[b'app.js', b'caf\\xe9.txt']"
    )
    headers = {
        name.lower(): value.strip()
        for line in project.ask("/static/app.js", "--dump-header - --output /dev/null").splitlines()
        for name, _colon, value in [line.partition(":")]
    }

    project.release(source | {"version": "shop@2.0.0"}, "main:app", app_hooks=hooks)
    condition = (
        f"--header 'If-None-Match: {headers['etag']}'"
        f" --header 'If-Modified-Since: {headers['last-modified']}'"
    )
    status = "--write-out ' %{http_code}'"
    assert project.ask("/static/app.js", f"{condition} {status}") == "v=2; 200"

    # An inventory that still names the former version: nobody goes back without being asked.
    live = project.folder
    told = ("this release (version shop@1.0.0) would go back to ", "is part of ")
    project.refuse(source, "main:app", *told, app_hooks=hooks)
    settings = project.variables(source, "main:app")
    shop.succeed("restart", **settings, app_env={"ROTATED": "yes"}, fleet_soak_seconds=0)
    assert project.folder == live
    assert "ROTATED=" in shop.shell("cat /etc/packed/*/environment")
