"""A host that cannot be deployed to is refused by name, before anything on it changes."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import fitness
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import (
    UnfitError,
    require_fit_host,
)

NEWEST = "systemd 257 (257.9-1~deb13u1)\n+PAM +AUDIT"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host that is fit."""
    for folder in ("usr/bin", "etc", "run/systemd/system", "opt", "proc/1", "var/lib", "var/cache"):
        (tmp_path / folder).mkdir(parents=True)
    for tool in ("dpkg-query", "apt-get"):
        (tmp_path / "usr/bin" / tool).touch()
    (tmp_path / "etc/os-release").write_text(
        'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian'
    )
    return tmp_path


def refusal(root: Path, version: str = NEWEST) -> str:
    with pytest.raises(UnfitError) as refused:
        require_fit_host(root, version)
    return str(refused.value)


@pytest.mark.parametrize("version", [NEWEST, "systemd 249 (249.11-0ubuntu3.16)", "", "unknown"])
def test_fit_host_is_not_refused(root: Path, version: str) -> None:
    require_fit_host(root, version)


def test_another_distribution_is_named(root: Path) -> None:
    (root / "usr/bin/apt-get").unlink()
    (root / "etc/os-release").write_text('NAME="Fedora"\nPRETTY_NAME="Fedora Linux 42"\n')
    assert refusal(root) == (
        "this host is Fedora Linux 42, which has no apt; expected Debian 12, Ubuntu 22.04, or "
        "newer, with systemd; nothing was changed"
    )
    (root / "etc/os-release").unlink()
    assert refusal(root).startswith("this host is no known distribution, which has no apt")


def test_container_without_systemd_is_told_what_runs_it(root: Path) -> None:
    (root / "run/systemd/system").rmdir()
    (root / "proc/1/comm").write_text("tini\n")
    assert refusal(root).startswith("systemd does not run this host, but tini; expected Debian 12")


def test_old_systemd_is_told_with_what_is_needed(root: Path) -> None:
    assert refusal(root, "systemd 245 (245.4-4ubuntu3.24)").startswith(
        "systemd on this host (Debian GNU/Linux 13 (trixie)) is version 245; expected 249 or later"
    )


@pytest.mark.parametrize(
    ("flag", "folder", "says"),
    [
        (os.ST_NOEXEC, "opt", "is mounted noexec, and releases are programs that run from there"),
        (os.ST_RDONLY, "etc", "is mounted read-only, and a deploy writes there"),
    ],
)
def test_file_system_that_cannot_serve_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, flag: int, folder: str, says: str
) -> None:
    def statvfs(path: Path) -> SimpleNamespace:
        return SimpleNamespace(f_flag=flag if path == root / folder else 0)

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(fitness, "full", lambda _root: [])
    told = refusal(root)
    assert told.startswith(f"the file system of {root / folder} {says}")
    assert "mount -o remount," in told


def test_full_file_system_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "full", lambda _root: ["the file system of /opt is full: 0 of 9"])
    told = refusal(root)
    assert told == "the file system of /opt is full: 0 of 9; nothing was changed"
