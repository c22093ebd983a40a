"""Folders, repositories and archives for the tests of sources, and a look into what was packed."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import Source

Prepare = Callable[..., Source]


def members(source: Source) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(source.archive) as archive:
        return {member.name: member for member in archive}


def content(source: Source, name: str) -> str:
    return data(source, name).decode()


def data(source: Source, name: str) -> bytes:
    with tarfile.open(source.archive) as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read()


def refused(prepare: Prepare, **source: object) -> str:
    with pytest.raises(SourceError) as error:
        prepare(**source)
    return str(error.value)


def write(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(folder)


def git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    allowed = ("-c", "protocol.file.allow=always")
    command = ["git", "-C", str(repository), *identity, *allowed, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository_of(folder: Path, files: dict[str, str]) -> Path:
    """Make a repository with one commit of these files, on the branch main."""
    write(folder, files)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "one")
    return folder


def commit(repository: Path, message: str) -> str:
    git(repository, "add", "--all", "--force")
    git(repository, "commit", "--quiet", f"--message={message}")
    return git(repository, "rev-parse", "HEAD")
