"""Archives as they come: from a Mac, from Windows, with a folder at the top or without."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.unit.plugins.plugin_utils.sources.trees import (
    Prepare,
    content,
    members,
    refused,
)


def zip_of(path: Path, names: list[str], *, system: int = 3, flags: int = 0) -> Path:
    """Make a zip; its names are bytes, of which each character is one."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name.encode().decode("latin-1") if not flags else name)
            info.create_system = system
            archive.writestr(info, "x" if not name.endswith("/") else "")
    return path


OF_A_MAC = [
    *("shop/main.py", "__MACOSX/._shop", "__MACOSX/shop/._main.py", "shop/.DS_Store"),
    *("shop/._main.py", ".DS_Store", "._shop", "shop/web/page.html"),
]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archive_of_a_mac_is_its_files(packed: Prepare, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"shop.{kind}"
    if kind == "zip":
        zip_of(path, ["shop/", "__MACOSX/", *OF_A_MAC])
    else:
        with tarfile.open(path, "w") as archive:
            for name in OF_A_MAC:
                archive.addfile(tarfile.TarInfo(f"./{name}"))
    source = packed(type="archive", path=str(path))
    assert sorted(members(source)) == ["main.py", "web/page.html"]
    assert source.notes == ()


def test_zip_keeps_empty_folders(packed: Prepare, tmp_path: Path) -> None:
    path = zip_of(tmp_path / "shop.zip", ["shop/", "shop/main.py", "shop/uploads/"])
    found = members(packed(type="archive", path=str(path)))
    assert {name: one.isdir() for name, one in found.items()} == {"main.py": False, "uploads": True}


def test_folder_beside_the_only_other_one_is_a_second_top(packed: Prepare, tmp_path: Path) -> None:
    path = zip_of(tmp_path / "shop.zip", ["shop/main.py", "uploads/"])
    assert sorted(members(packed(type="archive", path=str(path)))) == ["shop/main.py", "uploads"]


RAW = {
    # As Archive Utility of macOS and zip of Unix write it: no mark, but the bytes of the name.
    "unix, UTF-8": (3, "größe.txt".encode(), b"gr\xc3\xb6\xc3\x9fe.txt"),
    "unix, other bytes": (3, b"gr\xf6\xdfe.txt", b"gr\xf6\xdfe.txt"),
    "windows, its code page": (0, "größe.txt".encode("cp437"), "größe.txt".encode()),
    "windows, backslashes": (0, b"web\\page.html", b"web/page.html"),
    "unix, a backslash": (3, b"web\\page.html", b"web\\page.html"),
}


@pytest.mark.parametrize("case", RAW)
def test_zip_keeps_names(packed: Prepare, tmp_path: Path, case: str) -> None:
    system, written, read = RAW[case]
    placeholder = "n" * len(written)
    path = zip_of(tmp_path / "shop.zip", ["main.py", placeholder], system=system)
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), written))
    found = [os.fsencode(name) for name in members(packed(type="archive", path=str(path)))]
    assert sorted(found) == sorted([b"main.py", read])


def test_tar_with_dots_in_front_is_read(packed: Prepare, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shop.tar", "w") as archive:
        for name in (".", "./shop", "./shop/uploads"):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        archive.addfile(tarfile.TarInfo("./shop/main.py"))
    found = members(packed(type="archive", path=str(tmp_path / "shop.tar")))
    assert sorted(found) == ["main.py", "uploads"]


def test_tar_reads_hard_links_of_hard_links_and_the_last_of_two(
    packed: Prepare, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "shop.tar.gz", "w:gz") as archive:
        for name, text in (("a", "one"), ("main.py", "old"), ("main.py", "new")):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o755
            archive.addfile(info, io.BytesIO(text.encode()))
        for name, target in (("b", "a"), ("c", "./b")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.LNKTYPE, target
            archive.addfile(link)
    source = packed(type="archive", path=str(tmp_path / "shop.tar.gz"))
    assert [content(source, name) for name in ("a", "b", "c", "main.py")] == [
        *("one", "one", "one", "new"),
    ]
    assert {stat.S_IMODE(one.mode) for one in members(source).values()} == {0o755}


def test_names_that_begin_with_dots_stay_inside(packed: Prepare, tmp_path: Path) -> None:
    path = zip_of(tmp_path / "shop.zip", ["main.py", "..data/x"])
    assert sorted(members(packed(type="archive", path=str(path)))) == ["..data/x", "main.py"]


def test_subdirectory_of_an_archive_takes_what_it_links_to(packed: Prepare, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shop.tar", "w") as archive:
        for name in ("shop-1/backend/main.py", "shop-1/shared/x.py"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("shop-1/backend/x.py")
        link.type, link.linkname = tarfile.SYMTYPE, "../shared/x.py"
        archive.addfile(link)
    given = {"type": "archive", "path": str(tmp_path / "shop.tar")}
    source = packed(**given, subdirectory="backend")
    assert (source.project, sorted(members(source))) == (
        "backend",
        ["backend/main.py", "backend/x.py", "shared/x.py"],
    )
    message = refused(packed, **given, subdirectory="shared", exclude=["*.py"])
    assert message == "the source has nothing below shared"


def test_nothing_is_left_in_the_cache_but_the_archive(packed: Prepare, tmp_path: Path) -> None:
    path = zip_of(tmp_path / "shop.zip", ["main.py"])
    source = packed(type="archive", path=str(path))
    refused(packed, type="archive", path=str(path), checksum="0" * 64)
    assert [str(one) for one in (tmp_path / "cache").iterdir()] == [source.archive]
