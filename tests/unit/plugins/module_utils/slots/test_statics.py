"""The static files of a release: what nginx gets of it, when, and what it never gets."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import statics

from tests.unit.plugins.module_utils.slot_host import Host

FOLDERS = {"/static": "static"}


def make_release(application: Application, name: str, **files: str) -> str:
    """Make a release whose files are given by name, `__` for a slash."""
    release = Path(application.releases, name)
    (release / "src" / "static").mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        file = release / "src" / path.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return str(release)


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def live(application: Application) -> Path:
    return Path(application.path("opt/shop/static/live"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_are_published_by_the_path_of_visitors(application: Application) -> None:
    release = make_release(application, "1.0", static__css__site_css="blue")
    assert statics.publish(application, release, {"/api/static": "static"}) == []
    statics.point(application, release)
    published = live(application) / "api/static/css/site.css"
    assert published.read_text() == "blue"
    assert published.stat().st_ino == Path(release, "src/static/css/site.css").stat().st_ino
    assert published.parent.stat().st_mode & 0o777 == 0o755


def test_links_and_hidden_files_are_left_out_and_named(application: Application) -> None:
    release = make_release(application, "1.0", static__site_css="blue", secret="x")
    folder = Path(release, "src/static")
    (folder / ".env").write_text("x")
    (folder / "out.txt").symlink_to("../secret")
    (folder / "deep").symlink_to("/etc")
    (folder / ".git").mkdir()
    notes = statics.publish(application, release, FOLDERS)
    statics.point(application, release)
    assert names(live(application) / "static") == ["site.css"]
    assert notes == [
        "nginx does not serve links and hidden files of /static, and leaves them to the "
        "application: .env, .git, deep and 1 more"
    ]


def test_a_folder_that_is_not_there_is_refused_but_for_a_release_that_was_live(
    application: Application,
) -> None:
    release = make_release(application, "1.0")
    Path(release, "src/static").rmdir()
    with pytest.raises(Refusal) as refusal:
        statics.publish(application, release, FOLDERS)
    assert str(refusal.value) == (
        "app_static has /static: static, but the release 1.0 has no folder static; add it to the "
        "source, or correct app_static; nothing live changed"
    )
    assert statics.publish(application, release, FOLDERS, was_live=True) == [
        "app_static has /static: static, but the release 1.0 has no folder static; "
        "the application answers /static"
    ]


def test_a_link_out_of_the_source_is_no_folder_of_it(application: Application) -> None:
    release = make_release(application, "1.0")
    Path(release, "src", "etc").symlink_to("/etc")
    with pytest.raises(Refusal, match="has no folder etc;"):
        statics.publish(application, release, {"/static": "etc"})


def test_files_are_copied_where_no_second_name_can_be(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", no_link)
    release = make_release(application, "1.0", static__site_css="blue")
    statics.publish(application, release, FOLDERS)
    statics.point(application, release)
    assert (live(application) / "static/site.css").read_text() == "blue"


def test_the_former_release_stays_until_another_takes_its_place(application: Application) -> None:
    for name in ("1.0", "1.1", "1.2"):
        release = make_release(application, name, static__site_css=name)
        statics.publish(application, release, FOLDERS)
        statics.point(application, release)
        # A restart of the same release changes nothing.
        statics.point(application, release)
        statics.prune(application, {name})
    folder = live(application).parent
    assert (folder / "live/static/site.css").read_text() == "1.2"
    assert (folder / "former/static/site.css").read_text() == "1.1"
    assert names(folder) == ["1.1", "1.2", "former", "live"]


def test_without_static_files_nothing_of_them_is_left(application: Application) -> None:
    release = make_release(application, "1.0", static__site_css="blue")
    statics.publish(application, release, FOLDERS)
    statics.point(application, release)
    assert statics.is_published(application, release, FOLDERS)
    assert not statics.is_published(application, release, {})
    statics.publish(application, release, {})
    statics.point(application, release)
    statics.prune(application, {"1.0"})
    assert names(live(application).parent) == []
    assert statics.is_published(application, release, {})


def test_cut_over_exchanges_them_before_the_socket_and_a_refusal_puts_them_back(
    live_with_files: Host,
) -> None:
    host = live_with_files
    link = Path(host.application.path("opt/shop/static/live"))
    assert str(link.readlink()) == "1.0"
    make_release(host.application, "1.1", static__site_css="new")
    host.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Refusal):
        host.activate(replace(host.desired("1.1"), static=FOLDERS))
    assert str(link.readlink()) == "1.0"
    host.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    host.activate(replace(host.desired("1.1"), static=FOLDERS))
    assert str(link.readlink()) == "1.1"
    host.revert("1.1")
    assert str(link.readlink()) == "1.0"


def test_a_run_without_a_cut_over_publishes_what_is_new_in_app_static(
    live_with_files: Host,
) -> None:
    host = live_with_files
    outcome = host.activate(replace(host.desired("1.0"), static={}))
    assert outcome.changed
    assert not Path(host.application.path("opt/shop/static/live")).exists()
    assert not host.activate(replace(host.desired("1.0"), static={})).changed
    assert host.activate(replace(host.desired("1.0"), static=FOLDERS)).changed
    assert not host.activate(replace(host.desired("1.0"), static=FOLDERS)).changed


@pytest.fixture
def live_with_files(host: Host) -> Host:
    make_release(host.application, "1.0", static__site_css="old")
    host.activate(replace(host.desired("1.0"), static=FOLDERS))
    return host
