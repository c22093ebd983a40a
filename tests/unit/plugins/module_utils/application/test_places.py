"""Places that an application may write, in real folders."""

from __future__ import annotations

import getpass
import os
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import (
    PlaceError,
    open_places,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.places import Place
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes the account of the service")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host on which the application `shop` is known."""
    (tmp_path / "var/lib/shop").mkdir(parents=True)
    return tmp_path


def release(host: Path, name: str = "1.0", **files: str) -> Path:
    """A release with files in its source; `__` stands for a slash, `DOT` for a dot."""
    path = host / "opt/shop/releases" / name
    (path / "src").mkdir(parents=True)
    for file, text in files.items():
        target = path / "src" / file.replace("__", "/").replace("DOT", ".")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return path


def opened(path: Path, *places: Place | str) -> list[str]:
    sandbox = Sandbox(places=[Place(one) if isinstance(one, str) else one for one in places])
    return open_places(str(path), getpass.getuser(), sandbox)


def test_kept_place_is_one_for_all_releases(host: Path) -> None:
    one, two = release(host), release(host, "1.1")
    assert opened(one, "uploads") == []
    (one / "src/uploads/a.txt").write_text("a")
    assert opened(two, "uploads") == []
    assert (two / "src/uploads/a.txt").read_text() == "a"
    assert os.readlink(two / "src/uploads") == f"{host}/var/lib/shop/state/uploads"


def test_what_the_source_brings_is_copied_once_and_said(host: Path) -> None:
    one = release(host, uploads__a="one")
    state = host / "var/lib/shop/state/uploads"
    (told,) = opened(one, "uploads")
    assert told == (
        f"uploads is kept over releases, in {state}; what the source brings there was copied when "
        "that was new, and is not used since"
    )
    (state / "a").write_text("changed")
    assert opened(release(host, "1.1", uploads__a="two"), "uploads") == [told]
    assert (state / "a").read_text() == "changed"
    # A second look changes nothing, and an emptied state gets what the release brought.
    assert opened(one, "uploads") == [told]
    os.rename(state, f"{state}.away")
    assert opened(one, "uploads") == [told]
    assert (one / "src/uploads/a").read_text() == "one"


def test_folder_that_git_would_not_keep_otherwise_is_no_news(host: Path) -> None:
    assert opened(release(host, uploads__DOTgitkeep=""), "uploads") == []


def test_database_is_made_by_the_application_beside_its_journal(host: Path) -> None:
    path = release(host)
    opened(path, "sql_app.db")
    database = path / "src/sql_app.db"
    assert os.path.lexists(database)
    assert not database.exists()
    with sqlite3.connect(database) as connection:
        connection.execute("begin")
        connection.execute("create table note (text)")
        # Its journal lies beside what the link leads to, and not in the release.
        assert (host / "var/lib/shop/state/sql_app.db-journal").exists()
    assert os.listdir(path / "src") == ["sql_app.db"]


def test_nested_place_is_made_with_its_folders(host: Path) -> None:
    path = release(host)
    opened(path, "data/in/uploads", Place("data/static", keep=False))
    (path / "src/data/in/uploads/x").touch()
    assert (host / "var/lib/shop/state/data/in/uploads/x").exists()
    assert (path / "src/data/static").is_dir()
    assert not (path / "src/data/static").is_symlink()


def test_place_of_a_release_is_the_accounts_with_all_that_is_in_it(host: Path) -> None:
    path = release(host, static__css__a="a")
    (path / "src/static/out").symlink_to("/etc/passwd")
    before = os.stat("/etc/passwd")
    sandbox = Sandbox(places=[Place("static", keep=False), Place("new.log", keep=False)])
    for _ in range(2):
        open_places(str(path), "nobody", sandbox)
    uid = os.stat(path / "src/static").st_uid
    assert uid != os.geteuid()
    for name in ("static/css", "static/css/a", "static/out", "new.log"):
        assert os.lstat(path / "src" / name).st_uid == uid
    assert os.stat("/etc/passwd") == before
    assert os.stat(path / "src").st_uid == os.geteuid()


def test_state_and_what_is_kept_are_the_accounts(host: Path) -> None:
    for folder in [*host.parents, host]:
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    path = release(host, uploads__a="a")
    open_places(str(path), "nobody", Sandbox(places=[Place("uploads")]))
    uid = os.stat(host / "var/lib/shop/state").st_uid
    assert uid != os.geteuid()
    assert os.stat(host / "var/lib/shop/state/uploads/a").st_uid == uid


@pytest.mark.parametrize("keep", [True, False])
def test_place_behind_a_link_of_the_source_is_refused(host: Path, *, keep: bool) -> None:
    path = release(host, real__x="x")
    (path / "src/linked").symlink_to("real")
    with pytest.raises(PlaceError, match="linked in it is no folder of the source"):
        opened(path, Place("linked/uploads", keep=keep))
    if not keep:
        with pytest.raises(PlaceError, match="which is a link in the source"):
            opened(path, Place("linked", keep=False))


def test_link_that_the_application_made_in_its_state_is_no_way_out(host: Path) -> None:
    path = release(host, uploads__a="a")
    state = host / "var/lib/shop/state"
    state.mkdir()
    (state / "uploads").symlink_to("/nowhere")
    opened(path, "uploads")
    assert os.readlink(state / "uploads") == "/nowhere"


def test_what_cannot_be_kept_leaves_the_release_as_it_was(host: Path) -> None:
    path = release(host, uploads__a="a")
    state = host / "var/lib/shop/state"
    state.mkdir()
    (state / "in").touch()
    with pytest.raises(PlaceError, match="cannot be made"):
        opened(path, "in/uploads")
    (path / "src/in").rmdir() if (path / "src/in").is_dir() else None
    assert (path / "src/uploads/a").read_text() == "a"


def test_source_may_be_a_link_into_the_repository(host: Path) -> None:
    path = host / "opt/shop/releases/1.0"
    (path / "repository/backend").mkdir(parents=True)
    (path / "src").symlink_to("repository/backend")
    opened(path, "uploads")
    assert (path / "repository/backend/uploads").is_symlink()


def test_path_that_is_not_on_the_host_is_told_with_the_command(host: Path) -> None:
    with pytest.raises(PlaceError) as refused:
        open_places(str(release(host)), "shop", Sandbox(writable_paths=[f"{host}/none"]))
    assert str(refused.value) == (
        f"app_writable_paths has {host}/none, which is not on this host; make it: install "
        f"--directory --owner=shop --group=shop --mode=0750 {host}/none; nothing live changed"
    )
