"""How a run is shown."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.choice import Look, look

USUAL: dict[str, Any] = {
    "quiet": True,
    "asks": False,
    "check": False,
    "terminal": True,
    "environment": {"TERM": "xterm-256color"},
}


@pytest.mark.parametrize(
    ("differs", "chosen"),
    [
        ({}, Look.PICTURE),
        ({"quiet": False}, Look.ANSIBLE),
        ({"asks": True}, Look.ANSIBLE),
        ({"check": True}, Look.ANSIBLE),
        ({"check": True, "terminal": False}, Look.ANSIBLE),
        ({"terminal": False}, Look.LINES),
        ({"environment": {"TERM": "dumb"}}, Look.LINES),
        ({"environment": {}}, Look.LINES),
        ({"environment": {"TERM": "xterm", "CI": "true"}}, Look.LINES),
        ({"environment": {"TERM": "xterm", "CI": "false"}}, Look.PICTURE),
        ({"environment": {"TERM": "xterm", "CI": ""}}, Look.PICTURE),
    ],
)
def test_look_follows_from_terminal_and_options(differs: dict[str, Any], chosen: Look) -> None:
    assert look(**USUAL | differs) is chosen
