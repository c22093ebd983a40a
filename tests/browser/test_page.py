"""The page of a rollout in a real browser: on a phone and a large screen, light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.page import page

from tests import rollouts
from tests.browser.chromium import Tab, chromium

LOOKS = Path(__file__).with_name("looks.js").read_text()
RECORDS = {
    "one": rollouts.succeeded(1),
    "four": rollouts.succeeded(4),
    "hundred": rollouts.succeeded(100),
    "reverted": rollouts.reverted(4),
    "reverted-hundred": rollouts.reverted(100),
    "refused": rollouts.refused(),
    "unreachable": rollouts.unreachable(),
    "idle": rollouts.idle(),
    "several": rollouts.several(),
    "bare": rollouts.bare(),
    "hostile": rollouts.hostile(),
}
#: What the checks must find.
BROKEN = """<!doctype html><html lang="en"><body style="margin: 0; color: #777; background: #999">
<div style="width: 3000px">wide</div><p style="height: 1rem; overflow: hidden">clipped<br>below</p>
<p style="position: absolute; top: 0; left: 0">upon</p><div style="overflow: auto">box</div>
<img src="https://example.com/a.png" alt=""><script>console.error("loud"); broken()</script>"""
OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    folder = tmp_path_factory.mktemp("pages")
    # The container's account may be another one.
    folder.chmod(0o755)
    for name, record in RECORDS.items():
        (folder / f"{name}.html").write_text(page(record))
    (folder / "broken.html").write_text(BROKEN)
    with chromium(folder, f"asgi-fleet-browser-{os.getpid()}") as tab:
        yield tab


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("name", RECORDS)
def test_page_is_whole_and_readable(browser: Tab, name: str, width: int, dark: bool) -> None:
    browser.open(f"{name}.html", width=width, dark=dark)
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate(LOOKS) == []
    browser.evaluate(OPEN)
    assert browser.evaluate(LOOKS) == []
    assert browser.complaints == []
    assert browser.requested == [f"file:///pages/{name}.html"]


def test_checks_find_what_is_wrong(browser: Tab) -> None:
    browser.open("broken.html", width=1440)
    found = "\n".join(browser.evaluate(LOOKS))
    for what in ("px wide", "clipped", "contrast", "lies on", "not by the keyboard"):
        assert what in found
    complaints = "\n".join(browser.complaints)
    assert "loud" in complaints
    assert "Uncaught" in complaints
    assert "https://example.com/a.png" in browser.requested


def test_dark_is_another_page_than_light(browser: Tab) -> None:
    colours = []
    for dark in (False, True):
        browser.open("four.html", width=1440, dark=dark)
        colours.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(colours)) == 2


def test_foreign_text_makes_no_element_and_runs_nothing(browser: Tab) -> None:
    browser.open("hostile.html", width=1440)
    assert browser.evaluate("document.querySelectorAll('script, img, a').length") == 0
    assert "<script>alert(1)</script>" in browser.evaluate("document.body.innerText")


def test_each_of_a_hundred_hosts_is_found(browser: Tab) -> None:
    browser.open("hundred.html", width=360)
    shown = browser.evaluate("document.querySelector('.hosts').innerText")
    assert "web57" not in shown
    browser.evaluate(OPEN)
    names = browser.evaluate(
        "[...document.querySelectorAll('.hosts tbody th')].filter(one => one.checkVisibility())"
        ".map(one => one.firstChild.data.trim())"
    )
    assert sorted(names) == sorted(RECORDS["hundred"]["hosts"])


def test_whole_page_is_reached_by_the_keyboard(browser: Tab) -> None:
    browser.open("reverted-hundred.html", width=1440)
    wanted = browser.evaluate("document.querySelectorAll('summary, a, pre').length")
    # One of them is in a part that is folded: the table of the terminal.
    reached = set()
    for _ in range(2 * wanted):
        press(browser, "Tab", 9)
        place = "document.querySelectorAll('*')"
        reached.add(browser.evaluate(f"[...{place}].indexOf(document.activeElement)"))
    body = browser.evaluate("[...document.querySelectorAll('*')].indexOf(document.body)")
    assert len(reached - {body}) == wanted - 1
    browser.evaluate("document.querySelector('summary').focus()")
    press(browser, "Enter", 13)
    assert browser.evaluate("document.querySelector('details').open")


def press(browser: Tab, key: str, code: int) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        browser.send(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode=code,
            **(text if kind == "keyDown" else {}),
        )


def test_print_has_no_scroll_box_and_fits_the_paper(browser: Tab) -> None:
    browser.open("reverted.html", width=720)
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 720
    assert (
        browser.evaluate("getComputedStyle(document.querySelector('pre')).overflowY") == "visible"
    )
