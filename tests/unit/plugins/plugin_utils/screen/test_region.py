"""The end of a terminal: what is printed comes out above the picture, and all is given back."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Sequence

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.picture import Line, Screen
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.region import Region

CLEAR = "\x1b[2K"
ADDED_COLUMNS, ADDED_LINES = 100, 30


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def before_it(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal that is standard output; pytest replaces what a fixture has set."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(ADDED_COLUMNS))
    monkeypatch.setenv("LINES", str(ADDED_LINES))
    return terminal


class Picture:
    """A picture of one line, which changes."""

    def __init__(self) -> None:
        self.text = "first"
        self.screens: list[Screen] = []

    def __call__(self, screen: Screen) -> Sequence[Line]:
        self.screens.append(screen)
        return [((self.text, "bold"),)]


def test_picture_has_the_size_of_the_terminal_but_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = before_it(monkeypatch)
    picture = Picture()
    with Region(picture, threading.RLock()) as region:
        region.refresh()
    assert (picture.screens[0].width, picture.screens[0].height) == (ADDED_COLUMNS, ADDED_LINES - 1)
    assert "first" in terminal.getvalue()


def test_what_is_printed_comes_out_above_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    long = "x" * 150
    with Region(Picture(), threading.RLock()) as region:
        region.refresh()
        print("\x1b[31mprinted\x1b[0m")
        print(long)
    written = terminal.getvalue()
    assert "\x1b[31mprinted\x1b[0m\n" in written
    # A line that is copied from the terminal is whole.
    assert f"{long}\n" in written
    above = written.index("printed")
    assert "first" in written[:above]
    assert "first" in written[above:]


def test_line_without_an_end_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    with Region(Picture(), threading.RLock()) as region:
        region.refresh()
        sys.stdout.write("half")
        assert "half" not in terminal.getvalue()
        sys.stdout.write(" a line\n")
        assert "half a line\n" in terminal.getvalue()
        sys.stdout.write("the rest")
    assert terminal.getvalue().endswith("the rest")


def test_streams_and_cursor_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    with Region(Picture(), threading.RLock()) as region:
        assert sys.stdout is not terminal
        assert region.is_open
        # It stays visible meanwhile: whoever is killed cannot show it again.
        assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l")
    assert sys.stdout is terminal
    assert not region.is_open
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l")
    # What was drawn is erased.
    assert CLEAR in terminal.getvalue()


def test_region_can_be_opened_again_and_closed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    region = Region(Picture(), threading.RLock())
    for _ in range(2):
        region.open()
        region.open()
        region.close()
        region.close()
    assert sys.stdout is terminal


def test_same_picture_is_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    picture = Picture()
    with Region(picture, threading.RLock()) as region:
        region.refresh()
        drawn = terminal.getvalue()
        region.refresh()
        assert terminal.getvalue() == drawn
        picture.text = "second"
        region.refresh()
        assert "second" in terminal.getvalue()


def test_picture_changes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    picture = Picture()
    with Region(picture, threading.RLock()):
        picture.text = "second"
        end = time.monotonic() + 5
        while "second" not in terminal.getvalue() and time.monotonic() < end:
            time.sleep(0.05)
    assert "second" in terminal.getvalue()


def test_nothing_is_drawn_while_ansible_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    lock, picture = threading.RLock(), Picture()
    with Region(picture, lock), lock:
        picture.text = "second"
        time.sleep(0.6)
        assert "second" not in terminal.getvalue()
    assert sys.stdout is terminal


def test_fork_writes_past_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    with Region(Picture(), threading.RLock()) as region:
        region.refresh()
        region.process = -1
        sys.stdout.write("of a worker")
        assert terminal.getvalue().endswith("of a worker")


def test_last_lines_stay_without_being_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_it(monkeypatch)
    region = Region(Picture(), threading.RLock(), colours=False)
    region.leave([(("x" * 150, ""),), (("end", ""),)])
    assert terminal.getvalue() == f"{'x' * 150}\nend\n"
