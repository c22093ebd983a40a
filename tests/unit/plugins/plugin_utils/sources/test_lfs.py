"""Files of Git LFS: their contents are fetched, or they are refused; a pointer is never packed."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.unit.plugins.plugin_utils.sources.trees import (
    Prepare,
    data,
    members,
    refused,
    repository_of,
    write,
)

MODEL = b"weights" * 1000


def pointer(contents: bytes) -> str:
    digest = hashlib.sha256(contents).hexdigest()
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(contents)}\n"
    )


FILES = {
    "main.py": "",
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "models/a.bin": pointer(MODEL),
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one with programs, such as git."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "mkdir", "cp", "echo", "tr", "dirname"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def lfs(programs: Path, tmp_path: Path) -> Path:
    """A git-lfs that has one object, and writes down how it was called."""
    digest = hashlib.sha256(MODEL).hexdigest()
    (tmp_path / "object").write_bytes(MODEL)
    (programs / "git-lfs").write_text(
        "#!/bin/sh\n"
        f'echo "$@" >>{tmp_path}/called\n'
        'test "$1" = fetch || exit 0\n'
        f'place="$GIT_DIR/lfs/objects/{digest[:2]}/{digest[2:4]}"\n'
        f'mkdir -p "$place" && cp {tmp_path}/object "$place/{digest}"\n'
    )
    (programs / "git-lfs").chmod(0o755)
    return tmp_path / "called"


def test_contents_are_fetched(packed: Prepare, tmp_path: Path, lfs: Path) -> None:
    root = repository_of(tmp_path / "shop", FILES)
    source = packed(type="git", url=str(root), version="main")
    assert data(source, "models/a.bin") == MODEL
    assert source.notes == ()
    called = lfs.read_text().splitlines()
    assert called == ["env", f"fetch origin {source.commit}"]
    # They are kept: nothing is asked again.
    assert packed(type="git", url=str(root), version="main").digest == source.digest
    assert lfs.read_text().splitlines() == [*called, "env"]
    write(tmp_path / "same", {"main.py": "", ".gitattributes": FILES[".gitattributes"]})
    (tmp_path / "same" / "models").mkdir()
    (tmp_path / "same" / "models" / "a.bin").write_bytes(MODEL)
    assert packed(type="path", path=str(tmp_path / "same")).digest == source.digest


def test_contents_below_a_subdirectory_are_fetched(
    packed: Prepare, tmp_path: Path, lfs: Path
) -> None:
    root = repository_of(tmp_path / "shop", FILES)
    source = packed(type="git", url=str(root), version="main", subdirectory="models")
    assert data(source, "a.bin") == MODEL
    assert "fetch" in lfs.read_text()


def test_contents_that_cannot_be_fetched_are_refused(
    packed: Prepare, tmp_path: Path, lfs: Path
) -> None:
    root = repository_of(tmp_path / "shop", FILES | {"models/b.bin": pointer(b"other")})
    assert refused(packed, type="git", url=str(root), version="main") == (
        f"models/b.bin is in Git LFS of {root}, whose server lacks the contents; run "
        "`git lfs push --all` where they are, or leave them out by app_source.exclude"
    )
    assert lfs.exists()


@pytest.mark.usefixtures("programs")
def test_controller_without_git_lfs_is_told(packed: Prepare, tmp_path: Path) -> None:
    root = repository_of(tmp_path / "shop", FILES)
    assert refused(packed, type="git", url=str(root), version="main") == (
        f"models/a.bin is in Git LFS of {root}, and git-lfs is not on the controller; install it "
        "(the package git-lfs), or leave them out by app_source.exclude"
    )
    source = packed(type="git", url=str(root), version="main", exclude=["*.bin"])
    assert "models/a.bin" not in members(source)


@pytest.mark.parametrize("kind", ["path", "archive"])
def test_pointers_in_a_folder_or_an_archive_are_refused(
    packed: Prepare, tmp_path: Path, kind: str
) -> None:
    many = {f"models/{number}.bin": pointer(b"x") for number in range(6)}
    root = write(tmp_path / "shop", FILES | many)
    given = {"type": "path", "path": root}
    if kind == "archive":
        with tarfile.open(tmp_path / "shop.tgz", "w:gz") as archive:
            archive.add(root, "shop")
        given = {"type": "archive", "path": str(tmp_path / "shop.tgz")}
    message = refused(packed, **given)
    assert message.startswith(
        "models/0.bin, models/1.bin, models/2.bin, models/3.bin, models/4.bin and 2 more are "
        "pointers of Git LFS, without the contents; run `git lfs pull`"
    )
    assert packed(**given, exclude=["*.bin"]).kind == "tree"


def test_text_about_pointers_is_none(packed: Prepare, tmp_path: Path) -> None:
    root = write(
        tmp_path / "shop", {"a.md": "version https://git-lfs.github.com/spec/v1\n", "b": ""}
    )
    assert sorted(members(packed(type="path", path=root))) == ["a.md", "b"]


@pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed here")
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_contents_are_fetched_by_the_real_one(packed: Prepare, tmp_path: Path, scheme: str) -> None:
    root = repository_of(tmp_path / "shop", FILES)
    digest = hashlib.sha256(MODEL).hexdigest()
    place = root / ".git" / "lfs" / "objects" / digest[:2] / digest[2:4] / digest
    place.parent.mkdir(parents=True)
    place.write_bytes(MODEL)
    source = packed(type="git", url=f"{scheme}{root}", version="main")
    assert data(source, "models/a.bin") == MODEL
