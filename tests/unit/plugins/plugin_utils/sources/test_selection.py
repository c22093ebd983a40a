"""What is packed of a folder, a commit or an archive, and what is said of the rest."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugins.plugin_utils.sources.trees import (
    Prepare,
    members,
    refused,
    repository_of,
    write,
)

KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
APP = {"main.py": "app = 1\n"}


def of_path(root: Path) -> dict[str, Any]:
    return {"type": "path", "path": str(root)}


def of_git(root: Path) -> dict[str, Any]:
    return {"type": "git", "url": str(repository_of(root, {})), "version": "main"}


def of_archive(root: Path) -> dict[str, Any]:
    with tarfile.open(root.with_suffix(".tar.gz"), "w:gz") as archive:
        archive.add(root, "shop-1.0")
    return {"type": "archive", "path": str(root.with_suffix(".tar.gz"))}


each_type = pytest.mark.parametrize("of_type", [of_path, of_git, of_archive])
OfType = Callable[[Path], dict[str, Any]]


@each_type
def test_settings_and_keys_are_left_out_and_said(
    packed: Prepare, tmp_path: Path, of_type: OfType
) -> None:
    secret = {
        ".env": "DATABASE_URL=sqlite:///dev.db\n",
        ".env.production": "A=1\n",
        "web/.env.local": "A=1\n",
        ".envrc": "export A=1\n",
        "server.key": KEY,
        "both.pem": CERTIFICATE + KEY,
        "id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n",
        "legacy.PEM": KEY.replace("PRIVATE", "RSA PRIVATE"),
        "putty.ppk": "PuTTY-User-Key-File-3: ssh-ed25519\n",
        "sa.json": json.dumps({"type": "service_account", "private_key": KEY}),
    }
    kept = APP | {
        ".env.example": "A=\n",
        ".env.sample": "",
        ".env.template": "",
        ".env.dist": "",
        "web/.env.prod.example": "",
        "ca.pem": CERTIFICATE,
        "web/translations.key": "hello",
        "id_rsa.pub": "ssh-rsa AAAA",
        "id_cards.py": "",
        "data.json": json.dumps({"private_key": "none", "text": KEY}),
        "list.json": "[]",
        "environment.py": "",
    }
    write(tmp_path / "shop", secret | kept)
    source = packed(**of_type(tmp_path / "shop"))
    assert sorted(members(source)) == sorted(kept)
    [note] = source.notes
    assert note.startswith("left out, since it may hold secrets: .env, .env.production, .envrc, ")
    assert "(app_source.include: [.env, .env.production, " in note
    assert note.endswith(" packs it)")


@each_type
def test_what_is_left_out_is_packed_when_it_is_named(
    packed: Prepare, tmp_path: Path, of_type: OfType
) -> None:
    files = {
        ".env": "A=1\n",
        "sa.json": json.dumps({"private_key": KEY}),
        "node_modules/htmx/htmx.js": "x",
        "venv/pyvenv.cfg": "",
        "venv/bin/tool": "",
    }
    write(tmp_path / "shop", APP | files)
    include = [".env", "/sa.json", "node_modules/", "/venv"]
    source = packed(**of_type(tmp_path / "shop"), include=include)
    assert sorted(members(source)) == sorted(APP | files)
    assert source.notes == ()


def test_named_settings_of_packages_do_not_come_with_the_projects_own(
    packed: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "shop", APP | {".env": "", "node_modules/x/.env": "", ".venv/x/.env": ""})
    source = packed(**of_path(tmp_path / "shop"), include=[".env"])
    assert sorted(members(source)) == [".env", "main.py"]


@each_type
def test_environments_and_caches_are_left_out_and_said(
    packed: Prepare, tmp_path: Path, of_type: OfType
) -> None:
    tools = {
        "venv/pyvenv.cfg": "",
        "venv/bin/python": "",
        "web/my-env/pyvenv.cfg": "",
        "conda/conda-meta/history": "",
        "conda/bin/python": "",
        ".venv/bin/python": "",
        "node_modules/x/index.js": "",
        "web/node_modules/x/index.js": "",
        "__pycache__/main.cpython-313.pyc": "",
        "web/__pycache__/a.pyc": "",
        ".mypy_cache/x": "",
        ".tox/x": "",
        ".hypothesis/x": "",
        ".DS_Store": "",
    }
    # A folder with this name is the application's own if it is no virtual environment.
    kept = APP | {"env/settings.py": "", "web/app.js": "", "cache/x": ""}
    write(tmp_path / "shop", tools | kept)
    source = packed(**of_type(tmp_path / "shop"))
    assert sorted(members(source)) == sorted(kept)
    [note] = source.notes
    assert note.startswith("left out, as a tool's own: ")
    for name in ("venv", "my-env", "conda", "node_modules (2)", "__pycache__ (2)"):
        assert name in note
    assert note.endswith(" (app_source.include packs what it names)")


@each_type
def test_exclude_is_read_as_gitignore_is(packed: Prepare, tmp_path: Path, of_type: OfType) -> None:
    files = ("tests/test_a.py", "web/tests/b.py", "data/a.csv", "data/keep.csv", "web/data/c.csv")
    write(tmp_path / "shop", APP | dict.fromkeys(files, ""))
    exclude = ["tests/", "/data/*.csv", "!keep.csv"]
    source = packed(**of_type(tmp_path / "shop"), exclude=exclude)
    assert sorted(members(source)) == ["data/keep.csv", "main.py", "web/data/c.csv"]
    assert source.notes == ()


@each_type
def test_pattern_that_does_nothing_is_said(
    packed: Prepare, tmp_path: Path, of_type: OfType
) -> None:
    write(tmp_path / "shop", APP)
    source = packed(**of_type(tmp_path / "shop"), exclude=["tets/"], include=[".env"])
    assert source.notes == (
        "app_source.exclude has tets/, which leaves out nothing",
        "app_source.include has .env, which adds nothing",
    )


def test_what_the_user_excludes_is_not_said_again(packed: Prepare, tmp_path: Path) -> None:
    write(tmp_path / "shop", APP | {".env": "", "node_modules/x": ""})
    source = packed(**of_path(tmp_path / "shop"), exclude=[".env", "node_modules/"])
    assert list(members(source)) == ["main.py"]
    assert source.notes == ()


def test_link_to_settings_outside_is_left_out(packed: Prepare, tmp_path: Path) -> None:
    write(tmp_path / "shop", APP)
    (tmp_path / "shop" / ".env").symlink_to("/etc/shop.env")
    assert list(members(packed(**of_path(tmp_path / "shop")))) == ["main.py"]


@pytest.mark.parametrize("of_type", [of_path, of_archive])
def test_empty_folders_are_packed(packed: Prepare, tmp_path: Path, of_type: OfType) -> None:
    root = Path(write(tmp_path / "shop", APP | {"data/big.csv": ""}))
    (root / "uploads").mkdir()
    (root / "media" / "a" / "b").mkdir(parents=True)
    found = members(packed(**of_type(root), exclude=["/data/*"]))
    folders = {name: oct(one.mode) for name, one in found.items() if one.isdir()}
    assert folders == {"data": "0o755", "media/a/b": "0o755", "uploads": "0o755"}


def test_empty_folder_makes_another_release(packed: Prepare, tmp_path: Path) -> None:
    root = Path(write(tmp_path / "shop", APP))
    before = packed(**of_path(root)).digest
    (root / "uploads").mkdir()
    folder = packed(**of_path(root)).digest
    (root / "uploads").rmdir()
    (root / "uploads").touch()
    assert len({before, folder, packed(**of_path(root)).digest}) == 3


def test_folder_that_only_byte_code_is_left_in_is_not_packed(
    packed: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "shop", APP | {"old/deep/__pycache__/a.pyc": "", "old/__pycache__/b.pyc": ""})
    assert list(members(packed(**of_path(tmp_path / "shop")))) == ["main.py"]


def test_wheel_refuses_what_would_change_it(packed: Prepare, tmp_path: Path) -> None:
    path = tmp_path / "shop-1.4.2-py3-none-any.whl"
    path.write_bytes(b"PK")
    message = refused(packed, type="archive", path=str(path), exclude=["tests/"])
    assert message.startswith("app_source.exclude is set, and shop-1.4.2-py3-none-any.whl is a wh")


def test_names_of_any_bytes_are_shown_as_their_escapes(packed: Prepare, tmp_path: Path) -> None:
    root = Path(write(tmp_path / "shop", APP))
    (root / os.fsdecode(b".env.\xe9\x1b")).touch()
    [note] = packed(**of_path(root)).notes
    assert note.startswith("left out, since it may hold secrets: .env.\\udce9\\x1b (")
    (root / os.fsdecode(b"\xe9")).symlink_to("/etc")
    assert "the source's \\udce9 links to /etc" in refused(packed, **of_path(root))


def test_pattern_that_cannot_be_read_is_refused(packed: Prepare, project: Path) -> None:
    message = refused(packed, type="path", path=str(project), exclude=["foo["])
    assert message == ("app_source.exclude: foo[ is no pattern of .gitignore: it can match nothing")
