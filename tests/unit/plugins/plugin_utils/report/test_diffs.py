"""The diff of a fleet shows once what its hosts have alike, and says what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.diffs import (
    HEAD,
    SHORT,
    Shown,
    condensed,
)

SITE = "/etc/nginx/conf.d/shop.conf"


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


def diff(before: str, after: str, path: str = SITE) -> dict[str, Any]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}


def lines(count: int, first: str = "line 0") -> str:
    return "".join(f"{text}\n" for text in [first, *(f"line {n}" for n in range(1, count))])


def test_first_host_is_shown_as_it_is(shown: Shown) -> None:
    one = diff("a\nb\n", "a\nc\n")
    assert condensed([one], "web1", shown) == [one]
    # The same host again, as in another task.
    assert condensed([one], "web1", shown) == [one]


def test_same_change_is_named_by_the_host_that_has_it(shown: Shown) -> None:
    condensed([diff("a\nb\n", "a\nc\n")], "web1", shown)
    # Elsewhere in the file, with other lines around it.
    other = diff("x\ny\nb\n", "x\ny\nc\n")
    assert condensed([other], "web2", shown) == [{"prepared": f"{SITE}: as on web1\n"}]


def test_other_change_is_shown(shown: Shown) -> None:
    condensed([diff("a\nb\n", "a\nc\n")], "web1", shown)
    for other in (diff("a\nb\n", "a\nd\n"), diff("a\nb\n", "a\nc\n", "/etc/other")):
        assert condensed([other], "web2", shown) == [other]


def test_file_that_goes_is_shown(shown: Shown) -> None:
    gone = diff("a\n", "", f"{SITE} (removed)")
    assert condensed([gone], "web1", shown) == [gone]


def test_new_file_is_shown_by_its_first_lines(shown: Shown) -> None:
    short, long = diff("", lines(SHORT)), diff("", lines(SHORT + 1), "/etc/long")
    first, second = condensed([short, long], "web1", shown)
    assert first == short
    assert second["prepared"].splitlines()[:2] == ["+++ new: /etc/long", "+line 0"]
    assert second["prepared"].splitlines()[-1] == (
        f"... and {SHORT + 1 - HEAD} more lines; -v shows all of it"
    )


def test_new_file_that_differs_a_little_is_shown_by_the_difference(shown: Shown) -> None:
    condensed([diff("", lines(100))], "web1", shown)
    (told,) = condensed([diff("", lines(100, "http2 on"))], "web2", shown)
    assert told["prepared"].splitlines() == [
        f"{SITE}: as on web1, but for",
        "--- web1",
        "+++ web2",
        "@@ -1 +1 @@",
        "-line 0",
        "+http2 on",
    ]


def test_new_file_that_differs_a_lot_is_shown(shown: Shown) -> None:
    condensed([diff("", lines(100))], "web1", shown)
    other = "".join(f"other {n}\n" for n in range(100))
    (told,) = condensed([diff("", other)], "web2", shown)
    assert told["prepared"].startswith(f"+++ new: {SITE}\n+other 0\n")


def test_what_apt_would_do_is_shown_once(shown: Shown) -> None:
    told = {"prepared": "The following NEW packages will be installed:\n  nginx\n"}
    assert condensed([told], "web1", shown) == [told]
    assert condensed([told], "web2", shown) == [{"prepared": "as on web1\n"}]


@pytest.mark.parametrize(
    "one",
    [
        {"prepared": ""},
        {"before": {"state": "absent"}, "after": {"state": "file"}},
        diff("a\n", "a\n"),
        {},
    ],
)
def test_anything_else_is_left_alone(shown: Shown, one: dict[str, Any]) -> None:
    for host in ("web1", "web2"):
        assert condensed([one], host, shown) == [one]


def test_whole_diff_is_there_for_the_asking(shown: Shown) -> None:
    long = diff("", lines(100))
    condensed([long], "web1", shown)
    assert condensed([long], "web2", shown, whole=True) == [long]


def test_every_diff_is_shown_where_nothing_can_be_kept(tmp_path: Path) -> None:
    shown = Shown(tmp_path / "nowhere")
    one = diff("a\nb\n", "a\nc\n")
    assert condensed([one], "web1", shown) == [one]
    assert condensed([one], "web2", shown) == [one]
