"""Connections that stay open."""

import json

import pytest
from fastapi.testclient import TestClient
from fleet_sample.settings import Settings


def test_websocket_echoes_each_message(client: TestClient) -> None:
    """One connection carries several messages, in order."""
    with client.websocket_connect("/ws") as websocket:
        for message in ("one", "two", "ñandú"):
            websocket.send_text(message)
            assert websocket.receive_text() == message


def test_events_end_at_the_limit(client: TestClient) -> None:
    """Each event is a tick of this release; the last one is the limit's."""
    with client.stream("GET", "/events", params={"limit": 3}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        ticks = [
            json.loads(line.removeprefix("data:"))
            for line in answer.iter_lines()
            if line.startswith("data:")
        ]

    assert ticks == [{"number": n, "release": "r1", "slot": "blue"} for n in (1, 2, 3)]


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_events_refuse_a_limit_that_is_no_count(client: TestClient, limit: str) -> None:
    """A limit is a number from 1."""
    assert client.get("/events", params={"limit": limit}).status_code == 422


def test_events_tick_each_second_by_default() -> None:
    """What a person sees with `curl -N`."""
    assert Settings().tick_seconds == 1.0
