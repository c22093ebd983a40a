"""What the hosts remember of rollouts and commands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fleet import Fleet


@pytest.fixture(scope="module")
def history(fleet: Fleet) -> list[dict[str, Any]]:
    """A good release, a bad one, a restart and a command, the latest first."""
    fleet.change_app()
    fleet.succeed("release")
    good = fleet.settings_file.read_text("utf-8")
    fleet.change_app("raise SystemExit(7)")
    fleet.fail("release")
    fleet.settings_file.write_text(good, encoding="utf-8")
    fleet.succeed("restart")
    fleet.succeed("run", "-e", "command='python -c pass'")
    path = fleet.folder / "history.json"
    shown = fleet.succeed("history", "-e", "history_count=4", "-e", f"history_file={path}")
    assert "WHEN (UTC)" in shown
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["history"]
    return found


def test_history_has_what_was_done_with_its_outcome(history: list[dict[str, Any]]) -> None:
    assert [(one["kind"], one["outcome"]) for one in history] == [
        ("run", "succeeded"),
        ("restart", "succeeded"),
        ("release", "refused"),
        ("release", "succeeded"),
    ]


def test_history_says_who_and_how_long_and_what_was_served(
    fleet: Fleet, history: list[dict[str, Any]]
) -> None:
    for one in history:
        assert "@" in one["who"]
        assert 0 < one["seconds"] < 600
    restart, good = history[1], history[3]
    assert restart["hosts"] == fleet.hosts
    assert (good["requests"], good["failed"]) == (0, 0)
    assert good["release"] != good["before"]
    assert restart["release"] == restart["before"] == good["release"] == fleet.live()


def test_history_of_a_refused_release_says_why(history: list[dict[str, Any]]) -> None:
    assert history[2]["reason"]
    assert "\n" not in history[2]["reason"]


def test_history_as_json_is_alone_on_standard_output(fleet: Fleet) -> None:
    fleet.env["ANSIBLE_STDOUT_CALLBACK"] = "asgi.fleet.quiet"
    try:
        shown = fleet.succeed("history", "-e", "history_format=json")
    finally:
        del fleet.env["ANSIBLE_STDOUT_CALLBACK"]
    assert json.loads(shown)["schema"] == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("history_format=yaml", "history_format is yaml; expected table or json"),
        ("history_count=0", "history_count is 0; expected a number from 1 to"),
    ],
)
def test_history_refuses_what_it_cannot_show(fleet: Fleet, given: str, told: str) -> None:
    assert told in fleet.fail("history", "-e", given)
