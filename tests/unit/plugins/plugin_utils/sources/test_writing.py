"""The archive of a tree: times, names, sizes; served files change when their contents do."""

from __future__ import annotations

import os
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources import writing
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import (
    SourceError,
    open_file,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import Source
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from tests.unit.plugins.plugin_utils.sources.trees import (
    Prepare,
    content,
    git,
    members,
    repository_of,
    write,
)


def unpacked(source: Source, folder: Path) -> Path:
    """Unpack a source as a host does."""
    folder.mkdir()
    command = ["tar", "--extract", "--gzip", "--no-same-owner", "--no-same-permissions"]
    subprocess.run([*command, f"--file={source.archive}"], cwd=folder, check=True)
    return folder


def answers(first: Path, second: Path) -> list[int]:
    """Return what a client that has a file of the first tree gets of the second one."""

    def client(folder: Path) -> TestClient:
        return TestClient(Starlette(routes=[Mount("/", StaticFiles(directory=folder))]))

    had = client(first).get("/app.js").headers
    tag, date = {"If-None-Match": had["etag"]}, {"If-Modified-Since": had["last-modified"]}
    asked = [tag, date, tag | date]
    return [client(second).get("/app.js", headers=headers).status_code for headers in asked]


def test_static_file_of_a_second_commit_is_served(
    packed: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, trees = tmp_path / "shop", []
    for number in (1, 2):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{1_600_000_000 + number} +0000")
        repository_of(root, {"static/app.js": f"v={number};"})
        source = packed(type="git", url=str(root), version="main")
        trees.append(unpacked(source, tmp_path / f"release{number}") / "static")
    assert answers(*trees) == [200, 200, 200]
    assert answers(trees[1], trees[1]) == [304, 304, 304]


def test_static_file_of_the_same_second_is_served(packed: Prepare, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    trees = []
    for number in (1, 2):
        write(root, {"static/app.js": f"v={number};"})
        os.utime(root / "static" / "app.js", (1e9, 1e9))
        source = packed(type="path", path=str(root))
        trees.append(unpacked(source, tmp_path / f"release{number}") / "static")
    # A client that knows no tag, only whole seconds, cannot see the difference.
    assert answers(*trees) == [200, 304, 200]
    # And back again.
    assert answers(*reversed(trees)) == [200, 304, 200]


def test_files_of_a_commit_have_its_time(packed: Prepare, tmp_path: Path) -> None:
    root = repository_of(tmp_path / "shop", {"main.py": "a", "web/page.html": "b"})
    told = int(git(root, "show", "-s", "--format=%ct"))
    found = members(packed(type="git", url=str(root), version="main"))
    assert {int(one.mtime) for one in found.values()} <= {told, told - 1}


@pytest.mark.parametrize(
    ("given", "packed_as"),
    [(1_500_000_000.25, 1_500_000_000), (0, 315532800), (4e9, None)],
    ids=["its own", "too old for a zip", "in the future"],
)
def test_files_of_a_folder_keep_their_time(
    packed: Prepare, project: Path, given: float, packed_as: int | None
) -> None:
    os.utime(project / "main.py", (given, given))
    [found] = [
        one.mtime
        for name, one in members(packed(type="path", path=str(project))).items()
        if name == "main.py"
    ]
    if packed_as is None:
        assert time.time() - 60 < found <= time.time()
    else:
        assert int(found) == packed_as


def test_members_of_archives_keep_their_time(packed: Prepare, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shop.tar", "w") as archive:
        info = tarfile.TarInfo("main.py")
        info.mtime = 1_500_000_000
        archive.addfile(info)
    [found] = members(packed(type="archive", path=str(tmp_path / "shop.tar"))).values()
    assert int(found.mtime) == 1_500_000_000

    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("main.py", (2017, 7, 14, 12, 0, 2)), "x")
        member = zipfile.ZipInfo("utc.py", (2017, 7, 14, 12, 0, 2))
        member.extra = b"UT\x05\x00\x01" + (1_500_000_001).to_bytes(4, "little")
        zipped.writestr(member, "x")
    times = members(packed(type="archive", path=str(tmp_path / "shop.zip")))
    assert int(times["main.py"].mtime) == int(time.mktime((2017, 7, 14, 12, 0, 2, 0, 0, -1)))
    assert int(times["utc.py"].mtime) == 1_500_000_001


def test_names_stay_as_they_are_byte_for_byte(packed: Prepare, tmp_path: Path) -> None:
    names = [b"caf\xe9.txt", "größe.txt".encode(), b"a\nb", b" x ", b"-rf", b"l" * 200, b"\\a"]
    root = tmp_path / "shop"
    for name in names:
        path = root / ("deep" * 10) / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    repository_of(root, {"main.py": ""})
    with tarfile.open(tmp_path / "shop.tar", "w") as archive:
        archive.add(root, "shop")
    sources: list[dict[str, str]] = [
        {"type": "path", "path": str(root)},
        {"type": "git", "url": str(root), "version": "main"},
        {"type": "archive", "path": str(tmp_path / "shop.tar")},
    ]
    for given in sources:
        folder = unpacked(packed(**given), tmp_path / given["type"])
        found = [os.fsencode(path.name) for path in (folder / ("deep" * 10)).iterdir()]
        assert sorted(found) == sorted(names)


def test_archive_that_is_there_is_not_written_again(packed: Prepare, project: Path) -> None:
    archive = Path(packed(type="path", path=str(project)).archive)
    before = archive.stat()
    os.utime(project / "main.py")
    assert packed(type="path", path=str(project)).archive == str(archive)
    assert archive.stat().st_ino == before.st_ino
    assert list(archive.parent.iterdir()) == [archive]


@pytest.mark.parametrize("text", ["a longer text", "x", "other"])
def test_file_that_changes_meanwhile_is_refused(
    packed: Prepare, project: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (project / "main.py").write_text("first")
    read = writing.read_contents
    packing = "ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing"

    def read_and_change(entries: object) -> object:
        found = read(entries)  # type: ignore[arg-type]
        (project / "main.py").write_text(text)
        return found

    monkeypatch.setattr(f"{packing}.read_contents", read_and_change)
    with pytest.raises(SourceError, match=r"main\.py changed while it was packed; run again"):
        packed(type="path", path=str(project))


def test_large_source_says_what_weighs(
    packed: Prepare, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packed(type="path", path=str(project)).notes == ()
    monkeypatch.setattr(writing, "LARGE", 1_000_000)
    (project / "model.bin").write_bytes(b"m" * 2_000_000)
    (project / "web" / "film.mp4").write_bytes(b"f" * 3_400_000)
    source = packed(type="path", path=str(project))
    assert source.size == 5_400_000 + len("app = None\n") + len("<p>\n")
    assert source.notes == (
        "the source has 5 MB in 4 files: web/ 3 MB, model.bin 2 MB, main.py 0 MB "
        "(app_source.exclude leaves out what the application does not need)",
    )


def test_files_are_opened_as_bytes(project: Path) -> None:
    with open_file(str(project / "main.py")) as file:
        assert file.read() == b"app = None\n"


def test_contents_are_whole(packed: Prepare, project: Path) -> None:
    text = "0123456789abcdef" * 200_000
    (project / "big.txt").write_text(text)
    assert content(packed(type="path", path=str(project)), "big.txt") == text
