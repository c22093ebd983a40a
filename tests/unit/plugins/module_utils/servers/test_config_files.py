"""Which of several files are to be written, and which removed."""

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.config_files import (
    Found,
    look,
    plan,
    refusals,
)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (None, True),
        (Found("text"), False),
        (Found("other"), True),
        (Found("text", proper=False), True),
    ],
)
def test_a_file_is_written_unless_it_is_as_wanted(found: Found | None, *, written: bool) -> None:
    assert bool(plan({"/a": "text"}, [], {"/a": found}).write) is written


def test_what_should_be_absent_is_removed_only_if_it_is_there() -> None:
    changes = plan({}, ["/a", "/b"], {"/a": None, "/b": Found("text")})
    assert changes.remove == ("/b",)
    assert changes.before == {"/b": "text"}


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
        Found("text"),
        Found("text", proper=False),
        Found("text", proper=False),
        Found("", proper=False),
        None,
    ]


def test_paths_that_cannot_be_meant_are_refused() -> None:
    assert [text.split(";")[0] for text in refusals(["/a", "b"], ["/a"])] == [
        "the path b is not absolute",
        "the path /a is both in files and in absent",
    ]
