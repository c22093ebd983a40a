"""The load's script: what goes over the wire, and in which order."""

from __future__ import annotations

import re

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.script import (
    load_script,
    quoted,
    schedule,
)


def sent(script: str) -> list[bytes]:
    """Return the requests of a script, read as Lua reads its texts."""
    lines = re.findall(r'^   "(.*)",$', script, re.MULTILINE)
    return [
        re.sub(r"\\(\d{3})", lambda found: chr(int(found[1])), line).encode("latin-1")
        for line in lines
    ]


def test_without_requests_the_health_path_is_asked_for() -> None:
    script = load_script([], "shop.example.com", "/healthz")
    assert sent(script) == [b"GET /healthz HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"]
    assert "local order = {1}" in script


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (
            {"path": "/a", "method": "post", "body": {"ä": 1}},
            b"POST /a HTTP/1.1\r\nContent-Type: application/json\r\nHost: h\r\n"
            b'Content-Length: 13\r\n\r\n{"\\u00e4": 1}',
        ),
        (
            {"path": "/a", "method": "PUT", "body": "ä"},
            b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n\xc3\xa4",
        ),
        (
            {"path": "/a", "method": "POST"},
            b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            {"path": '/"]]\\', "headers": {"X-Token": "1", "Host": "other"}},
            b'GET /"]]\\ HTTP/1.1\r\nHost: other\r\nX-Token: 1\r\n\r\n',
        ),
        (
            {
                "path": "/a",
                "method": "POST",
                "headers": {"host": "other", "content-type": "application/problem+json"},
                "body": [1],
            },
            b"POST /a HTTP/1.1\r\ncontent-type: application/problem+json\r\nhost: other\r\n"
            b"Content-Length: 3\r\n\r\n[1]",
        ),
    ],
)
def test_request_goes_over_the_wire_as_it_was_given(
    request_: dict[str, object], wire: bytes
) -> None:
    assert sent(load_script([request_], "h", "/")) == [wire]


def test_text_of_lua_cannot_be_left() -> None:
    assert quoted(b'a"\\\n\0b') == '"a\\034\\092\\010\\000b"'


@pytest.mark.parametrize(
    ("weights", "turns"),
    [([1], [0]), ([1, 1], [0, 1]), ([2, 1], [0, 1, 0]), ([1, 5], [1, 1, 0, 1, 1, 1])],
)
def test_requests_take_turns_by_their_weight(weights: list[int], turns: list[int]) -> None:
    assert schedule(weights) == turns
    assert [turns.count(place) for place in range(len(weights))] == weights
