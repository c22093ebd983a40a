"""What a build has left becomes root's, or is refused by name."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import remove_tree
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.releases.takeover import (
    hand_over,
    take_over,
)

PYTHONS = "/opt/uv/python"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    path = tmp_path / "releases" / "1.0"
    (path / "src" / "web").mkdir(parents=True)
    (path / ".venv" / "bin").mkdir(parents=True)
    return path


def take(release: Path) -> None:
    take_over(str(release), ("src", ".venv"), PYTHONS)


def refused(release: Path) -> str:
    with pytest.raises(BuildError) as error:
        take(release)
    return str(error.value)


def mode(path: Path) -> str:
    return oct(path.lstat().st_mode & 0o7777)


@pytest.mark.parametrize(
    ("left", "kept"),
    [(0o644, "0o644"), (0o600, "0o644"), (0o666, "0o644"), (0o700, "0o755"), (0o6777, "0o755")],
)
def test_file_can_be_read_by_the_service_and_written_by_nobody_else(
    release: Path, left: int, kept: str
) -> None:
    file = release / "src" / "web" / "main.py"
    file.write_text("x")
    file.chmod(left)
    (release / "src" / "web").chmod(0o1777)
    take(release)
    assert (mode(file), mode(file.parent)) == (kept, "0o755")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_tree_of_another_account_becomes_roots(release: Path) -> None:
    (release / "src" / "main.py").write_text("x")
    (release / "src" / "link").symlink_to("main.py")
    hand_over(str(release), 65534, 65534)
    assert {path.lstat().st_uid for path in (release, *release.rglob("*"))} == {65534}
    take(release)
    taken = [*(release / "src").rglob("*"), release / "src", release / ".venv"]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in taken} == {(0, os.getegid())}


def test_file_with_another_name_elsewhere_is_copied_apart(release: Path, tmp_path: Path) -> None:
    cached = tmp_path / "cached.py"
    cached.write_text("good")
    cached.chmod(0o666)
    os.utime(cached, ns=(10**18, 10**18 + 1))
    os.link(cached, release / "src" / "main.py")
    take(release)
    cached.write_text("evil")
    file = release / "src" / "main.py"
    assert (file.read_text(), file.stat().st_mtime_ns) == ("good", 10**18 + 1)
    # Its other name is not this release's: it stays as it was.
    assert (mode(cached), mode(file)) == ("0o666", "0o644")


@pytest.mark.parametrize(
    "links",
    [
        {"src/page": "web/page.html"},
        {"src/up": "../.venv/bin"},
        {"src/a": "b", "src/b": "web"},
        {"src/loose": "web/missing"},
        {".venv/lib64": "lib"},
        {".venv/bin/python": "/usr/bin/python3", ".venv/bin/python3": "python"},
        {".venv/bin/python": f"{PYTHONS}/cpython-3.13.5/bin/python3.13"},
    ],
    ids=["file", "up", "chain", "dangling", "lib64", "interpreter", "interpreter of uv"],
)
def test_link_within_the_release_or_to_an_interpreter_stays(
    release: Path, links: dict[str, str]
) -> None:
    for name, target in links.items():
        (release / name).symlink_to(target)
    take(release)
    for name, target in links.items():
        assert (release / name).readlink() == Path(target)


@pytest.mark.parametrize(
    ("links", "named"),
    [
        ({"src/page": "/etc/shadow"}, "src/page -> /etc/shadow"),
        ({"src/page": "../../2.0/src"}, "src/page -> ../../2.0/src"),
        # Neither of the two leads outside by its text.
        ({"src/web/a": "../..", "src/b": "web/a/.."}, "src/b -> web/a/.."),
        ({"src/python": "/usr/bin/python3"}, "src/python -> /usr/bin/python3"),
        ({".venv/bin/python": "/var/cache/shop-build/python"}, "-> /var/cache/shop-build/python"),
    ],
    ids=["absolute", "relative", "chain", "interpreter elsewhere", "not an interpreter"],
)
def test_link_that_leads_outside_is_refused(
    release: Path, links: dict[str, str], named: str
) -> None:
    for name, target in links.items():
        (release / name).symlink_to(target)
    message = refused(release)
    assert message.startswith("a link leads out of the release: ")
    assert named in message


def test_folder_that_became_a_link_is_refused(release: Path) -> None:
    (release / ".venv" / "bin").rmdir()
    (release / ".venv").rmdir()
    (release / ".venv").symlink_to("/usr")
    assert refused(release) == "the build replaced .venv, a folder"


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_file_is_refused(release: Path, kind: str) -> None:
    path = release / "src" / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        os.chdir(path.parent)  # The path of a socket is short.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("odd")
    assert refused(release).startswith("the build left src/odd, which is neither a file, a folder")


def test_copy_is_written_through_no_link_that_the_build_left(release: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("of the host")
    for name in "abcdefgh":
        file = release / "src" / f"{name}.py"
        file.write_text("evil")
        os.link(file, tmp_path / name)
        (release / "src" / f"{name}.py.apart").symlink_to(victim)
    refused(release)
    assert victim.read_text() == "of the host"


def test_tree_deeper_than_python_recurses_is_taken(release: Path) -> None:
    folder = release / "src"
    for _ in range(1200):
        folder = folder / "d"
        folder.mkdir()
    take(release)
    # The Python of pytest gives up there as well.
    remove_tree(str(release))


def test_chain_of_links_that_python_cannot_follow_is_refused(release: Path) -> None:
    for number in range(1500):
        (release / "src" / f"{number}").symlink_to(f"{number + 1}")
    (release / "src" / "1500").symlink_to("/etc/shadow")
    assert refused(release).startswith("a link leads out of the release: ")
