"""The picture, as a terminal of a given size has it: drawn by rich."""

from __future__ import annotations

import io

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import Outcome
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.picture import (
    ASCII,
    Line,
    Screen,
    Signs,
    duration,
    fitted,
    last_picture,
    live_picture,
    signs,
    text_of,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.region import Drawn
from rich.cells import cell_len
from rich.console import Console

from tests.unit.plugins.plugin_utils.screen.story import (
    CUT_OVER,
    REFUSAL,
    REVERT,
    WATCH,
    Story,
)

WIDE = Screen(120, 39)


def drawn(lines: list[Line], width: int = 120) -> str:
    console = Console(record=True, width=width, file=io.StringIO(), color_system=None)
    console.print(Drawn(lines), soft_wrap=True)
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def soaking() -> Story:
    story = Story(["web1"], ["web2"], ["web3", "web4"]).built()
    story.switched(1)
    story.facts(rollout_soak=[story.now + 5, story.now + 27])
    story.begins(WATCH, "web1")
    traffic = {"requests": 1204, "errors": 0, "latency_ms": {"4": 1200, "12": 4}}
    story.ends(WATCH, "web1", traffic=traffic, remaining=25.0)
    story.run.expected = 95
    return story


def test_picture_of_a_soak() -> None:
    story = soaking()
    assert drawn(live_picture(story.run, WIDE, story.now)) == (
        "▶ release  shop 1.4.1-2c26b46b -> 1.5.0-9f86d081\n"
        "  wave 1 of 3  0:21 of about 1:35  by ada@laptop  rollout 20261128T101112-5f3a\n"
        "  ▶ 1: web1   · 2: web2   · 3: web3, web4\n"
        "  wave 1: 0 of 1204 requests failed (0 %), p99 4 ms; soaks 0:25 more\n"
        "  web1  soaking       ████████░░   0:01  1.5.0-9f86d081\n"
        "  web2  built         ████░░░░░░  1.4.1-2c26b46b\n"
        "  web3  built         ████░░░░░░  1.4.1-2c26b46b\n"
        "  web4  built         ████░░░░░░  1.4.1-2c26b46b\n"
        "  wave_soak | Wait, and look at what the hosts serve"
    )


def test_picture_of_a_refusal_has_the_error_above_everything() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.run.begin_play("Go over the fleet, wave by wave")
    story.begins(CUT_OVER, "web1")
    story.ends(CUT_OVER, "web1", is_refusal=True, msg=REFUSAL)
    lines = drawn(live_picture(story.run, WIDE, story.now)).splitlines()
    assert lines[:4] == [
        "✗ web1: refused: gunicorn_service : activate | Start the release",
        "  shop@blue.service was not healthy within 20 s",
        "  the search index is empty",
        "✗ release  shop 1.4.1-2c26b46b -> 1.5.0-9f86d081",
    ]
    assert lines[5] == "  ✗ 1: web1   · 2: web2"
    assert lines[6].startswith("  web1  refused       ░░░░░░░░░░  1.4.1-2c26b46b  shop@blue")


def test_failed_hosts_stand_above_the_others() -> None:
    story = Story(["web1", "web2", "web3"]).built()
    story.begins(CUT_OVER, "web1", "web2", "web3")
    story.ends(CUT_OVER, "web1", changed=True)
    story.ends(CUT_OVER, "web3", is_refusal=True, msg=REFUSAL)
    lines = drawn(live_picture(story.run, WIDE, story.now)).splitlines()
    hosts = [line.split()[0] for line in lines if line.startswith("  web")]
    assert hosts == ["web3", "web2", "web1"]


def test_last_picture_stays_with_what_to_do() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.switched(1)
    story.judged({"web1": "unhealthy"}, stopped="2 of 20 requests failed")
    story.begins(REVERT, "web1")
    story.ends(REVERT, "web1", changed=True)
    story.ended()
    story.run.has_ended = True
    last = drawn(last_picture(story.run, WIDE, story.now, ["  next: fix the cause"]))
    assert last.splitlines()[0].startswith("✗ release  shop")
    assert last.splitlines()[-3:] == [
        "  web1  reverted      ░░░░░░░░░░  1.4.1-2c26b46b",
        "  web2  not begun     ░░░░░░░░░░  1.4.1-2c26b46b",
        "  next: fix the cause",
    ]


def test_last_picture_of_a_success() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.passed(1)
    story.passed(2)
    story.ended()
    story.run.has_ended = True
    lines = drawn(last_picture(story.run, WIDE, story.now, [])).splitlines()
    assert lines[0] == "✓ release  shop 1.4.1-2c26b46b -> 1.5.0-9f86d081"
    assert lines[2] == "  ✓ 1: web1   ✓ 2: web2"


def test_first_interrupt_is_answered_at_the_top() -> None:
    story = soaking()
    story.run.fleet.asked = True
    lines = drawn(live_picture(story.run, WIDE, story.now)).splitlines()
    assert lines[:3] == [
        "ending after the running step",
        "what was switched is put back (fleet_on_failure)",
        "Ctrl-C again stops at once",
    ]


def test_playbook_without_a_rollout_has_its_play_and_its_task() -> None:
    story = Story(["web1"])
    story.run.playbook = "status"
    story.run.begin_play("Show the fleet")
    story.begins(WATCH, "web1", "web2", "web3")
    story.run.end_host("web1", WATCH, Outcome("ok"), None, story.now)
    assert drawn(live_picture(story.run, WIDE, story.now)) == (
        "▶ status  0:01  Show the fleet\n  wave_soak | Wait, and look at what the hosts serve  1/3"
    )


def test_deploy_is_a_release_once_it_has_a_rollout() -> None:
    story = Story(["web1"])
    story.run.playbook = "deploy"
    story.run.begin_play("Provision the hosts")
    assert drawn(live_picture(story.run, WIDE, story.now)) == "▶ deploy  0:00  Provision the hosts"
    story.begun()
    assert drawn(live_picture(story.run, WIDE, story.now)).startswith("▶ release  shop")


def test_playbook_without_a_rollout_ends_with_one_line() -> None:
    story = Story(["web1"])
    story.run.playbook = "status"
    story.run.has_ended = True
    assert drawn(last_picture(story.run, WIDE, story.now + 4, [])) == "✓ status  0:04"


@pytest.mark.parametrize("hosts", [4, 50, 300])
@pytest.mark.parametrize(("width", "height"), [(120, 39), (60, 23), (80, 23), (200, 59)])
@pytest.mark.parametrize("bad", [0, 3, 60])
def test_picture_fits_every_screen(hosts: int, width: int, height: int, bad: int) -> None:
    names = [f"web{number}.a-long-name.example.com" for number in range(hosts)]
    half = hosts // 2
    story = Story(names[:1], names[1:half], names[half:]).built()
    story.passed(1)
    story.begins(CUT_OVER, *names[1:half])
    for name in names[1:half][:bad]:
        story.ends(CUT_OVER, name, is_refusal=True, msg=REFUSAL)
    screen = Screen(width, height)
    for lines in (
        live_picture(story.run, screen, story.now),
        last_picture(story.run, screen, story.now, ["  next: look"]),
    ):
        assert len(lines) <= height
        assert all(cell_len(text_of(line)) <= width for line in lines)
        assert "wave 2 of 3" in drawn(lines, width)


def test_fifty_hosts_are_folded_by_their_phases_and_failed_ones_are_not() -> None:
    names = [f"web{number}" for number in range(50)]
    story = Story(names[:1], names[1:25], names[25:]).built()
    story.passed(1)
    story.begins(CUT_OVER, *names[1:25])
    for name in names[1:4]:
        story.ends(CUT_OVER, name, is_refusal=True, msg=REFUSAL)
    picture = drawn(last_picture(story.run, WIDE, story.now, []))
    refused = [line.split()[0] for line in picture.splitlines() if "refused" in line]
    assert refused == ["web1", "web2", "web3"]
    assert "  25 hosts  built         ████░░░░░░  web25, web26, web27" in picture
    assert "  ✓ 1: 1 host   ✗ 2: 24 hosts   · 3: 25 hosts" in picture


def test_long_error_leaves_room_for_the_hosts() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.begins(CUT_OVER, "web1")
    journal = "\n".join(f"line {number}" for number in range(100))
    story.ends(CUT_OVER, "web1", is_refusal=True, msg=journal)
    lines = drawn(live_picture(story.run, Screen(80, 23), story.now)).splitlines()
    assert len(lines) == 23
    assert lines[16] == "  … and 85 more lines"
    assert lines[-2].startswith("  web2  built")


def test_what_the_terminal_cannot_show_is_written_otherwise() -> None:
    assert signs("utf-8") == Signs()
    assert signs("ascii") == signs("no-such-encoding") == ASCII
    story = soaking()
    picture = drawn(live_picture(story.run, Screen(120, 39, ASCII), story.now))
    assert picture.isascii()
    assert "> 1: web1   . 2: web2" in picture


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-1, "0:00"), (65.4, "1:05"), (3599.6, "1:00:00"), (3661, "1:01:01")],
)
def test_duration_is_written_as_a_clock_shows_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ((("0123456789", ""),), "0123456789"),
        ((("0123456789", ""), ("a", "")), "012345678…"),
        ((("0123", ""), ("456789abc", "bold")), "012345678…"),
    ],
)
def test_line_is_cut_where_the_screen_ends(line: Line, text: str) -> None:
    assert text_of(fitted(line, Screen(10, 5))) == text


def test_nothing_that_a_host_tells_steers_the_terminal() -> None:
    story = Story(["web1"]).built()
    story.begins(CUT_OVER, "web1")
    story.ends(CUT_OVER, "web1", is_refusal=True, msg="\x1b[2J gone\ttab\nsecond")
    for lines in (
        live_picture(story.run, WIDE, story.now),
        last_picture(story.run, WIDE, story.now, []),
    ):
        assert all(text.isprintable() for line in lines for text, _style in line)
    assert "\\x1b[2J gone tab" in drawn(lines)
