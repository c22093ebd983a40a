"""Which of several files are to be written and which removed, and how they come back."""

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import (
    Changes,
    Found,
    Kept,
    look,
    plan,
    refuse_outside,
    refuse_relative,
    with_copies,
)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (None, True),
        (Found("text"), False),
        (Found("other"), True),
        (Found("text", 0o666), True),
        (Found("text", 0o755), True),
        (Found("text", None), True),
    ],
)
def test_a_file_is_written_unless_it_is_as_wanted(found: Found | None, *, written: bool) -> None:
    assert bool(plan({"/a": "text"}, [], {"/a": found}).write) is written


def test_a_program_is_written_unless_it_can_be_run() -> None:
    def written(mode: int) -> bool:
        return bool(plan({"/a": "text"}, [], {"/a": Found("text", mode)}, programs=["/a"]))

    assert (written(0o755), written(0o644)) == (False, True)


def test_what_should_be_absent_is_removed_only_if_it_is_there() -> None:
    changes = plan({}, ["/a", "/b"], {"/a": None, "/b": Found("text")})
    assert changes.remove == ("/b",)
    assert changes.before == {"/b": "text"}


def test_plan_holds_only_what_differs() -> None:
    found = {
        "/n/same": Found("a"),
        "/n/other": Found("b"),
        "/n/new": None,
        "/n/old": Found("c"),
        "/n/gone": None,
    }
    files = {"/n/same": "a", "/n/other": "B", "/n/new": "d"}

    changes = plan(files, ["/n/old", "/n/gone"], found)

    assert changes.write == {"/n/other": "B", "/n/new": "d"}
    assert changes.remove == ("/n/old",)
    assert [
        (entry["after_header"], entry["before"], entry["after"]) for entry in changes.diff()
    ] == [
        ("/n/new", "", "d"),
        ("/n/old (removed)", "c", ""),
        ("/n/other", "b", "B"),
    ]


def test_look_sees_content_mode_and_links(tmp_path: Path) -> None:
    good, open_to_all, link = tmp_path / "good", tmp_path / "open", tmp_path / "link"
    good.write_text("text")
    good.chmod(0o644)
    open_to_all.write_text("text")
    open_to_all.chmod(0o666)
    link.symlink_to(good)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nothing")
    paths = [good, open_to_all, link, dangling, tmp_path / "nothing"]
    assert list(look(map(str, paths)).values()) == [
        Found("text", 0o644),
        Found("text", 0o666),
        Found("text", None),
        Found("", None),
        None,
    ]


def test_a_file_with_carriage_returns_is_as_wanted_once_written(tmp_path: Path) -> None:
    path, text = str(tmp_path / "file"), "a\r\nb\n"
    plan({path: text}, [], look([path])).carry_out()
    assert not plan({path: text}, [], look([path]))


def test_a_link_that_leads_nowhere_is_there(tmp_path: Path) -> None:
    link = tmp_path / "default"
    link.symlink_to("nowhere")
    changes = plan({}, [str(link)], look([str(link)]))
    assert changes.remove == (str(link),)
    changes.carry_out()
    assert not link.is_symlink()


def test_changes_make_the_folders_they_need(tmp_path: Path) -> None:
    path = tmp_path / "nginx.service.d" / "fleet.conf"
    Changes({str(path): "text"}).carry_out()
    assert path.stat().st_mode & 0o7777 == 0o644
    assert path.parent.stat().st_mode & 0o7777 == 0o755
    assert [entry.name for entry in path.parent.iterdir()] == ["fleet.conf"]


def test_changes_can_be_carried_out_in_a_copy() -> None:
    changes = Changes({"/etc/nginx/conf.d/a": "text"}, ("/etc/nginx/b",), {"/etc/nginx/b": "old"})
    staged = changes.below("/etc/nginx", "/tmp/stage")
    assert dict(staged.write) == {"/tmp/stage/conf.d/a": "text"}
    assert staged.remove == ("/tmp/stage/b",)


def test_what_was_kept_comes_back_with_its_bytes_mode_and_links(tmp_path: Path) -> None:
    changed, added, link = (tmp_path / name for name in ("changed", "added", "link"))
    changed.write_bytes(b"caf\xe9\r\n")
    changed.chmod(0o640)
    link.symlink_to("changed")
    changes = Changes({str(changed): "new", str(added): "new"}, (str(link),))
    kept = Kept.of(map(str, (changed, added, link)))
    changes.carry_out()
    kept.put_back()
    assert changed.read_bytes() == b"caf\xe9\r\n"
    assert changed.stat().st_mode & 0o7777 == 0o640
    assert not added.exists()
    assert link.readlink() == Path("changed")


def test_copy_is_kept_of_what_changes_and_never_of_less(tmp_path: Path) -> None:
    path, other = str(tmp_path / "nginx.conf"), str(tmp_path / "other.conf")
    Path(path).write_text("mine")
    changes = Changes(write={path: "ours", other: "new"}, before={path: "mine", other: None})

    assert dict(with_copies(changes, [path, other]).write) == {
        **changes.write,
        f"{path}.before_asgi_fleet": "mine",
    }
    Path(f"{path}.before_asgi_fleet").write_text("older")
    assert f"{path}.before_asgi_fleet.2" in with_copies(changes, [path]).write
    assert with_copies(Changes(), [path]) == Changes()


def test_relative_paths_and_contradictions_are_refused() -> None:
    assert [text.split(";")[0] for text in refuse_relative(["/a", "b"], ["/a"])] == [
        "the path b is not absolute",
        "the path /a is both in files and in absent",
    ]


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/etc/nginx/conf.d/shop.conf", False),
        ("/etc/nginx/nginx.conf", False),
        ("/etc/nginx", True),
        ("/etc/nginx-old/a.conf", True),
        ("/etc/nginx/../passwd", True),
        ("conf.d/shop.conf", True),
    ],
)
def test_paths_outside_of_the_configuration_are_refused(path: str, refused: bool) -> None:
    refusals = refuse_outside([path], [], "/etc/nginx/")

    assert bool(refusals) == refused
    assert all("expected a path below /etc/nginx/" in refusal for refusal in refusals)


def test_a_path_both_wanted_and_unwanted_is_refused() -> None:
    refusals = refuse_outside(["/etc/nginx/a"], ["/etc/nginx/a"], "/etc/nginx")

    assert len(refusals) == 1
    assert "is both in files and in absent; expected one of them" in refusals[0]
