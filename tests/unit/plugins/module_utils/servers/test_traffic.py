"""Which requests of nginx's log count, how long they took, and how little of it is read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers import traffic
from ansible_collections.asgi.fleet.plugins.module_utils.servers.traffic import (
    BLOCK,
    LogView,
    Request,
    coarse,
    parse,
    read_traffic,
)

NOON = 1_790_000_000.0
DAY = 86_400
REQUESTS = 125_000
SOCKET = "unix:/var/lib/shop/live.sock"


def line(ended: float = NOON, status: int = 200, **changed: object) -> bytes:
    """Return a line of the log, of a request that the application answered in 4 ms."""
    entry = {
        "time": "2026-09-21T13:33:20+00:00",
        "msec": f"{ended:.3f}",
        "path": "/items",
        "status": str(status),
        "upstream": SOCKET,
        "upstream_header_time": "0.004",
        "upstream_response_time": "0.005",
    }
    return json.dumps(entry | changed, separators=(",", ":")).encode() + b"\n"


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    def write(lines: Iterable[bytes], name: str = "shop.log") -> Path:
        log = tmp_path / name
        log.write_bytes(b"".join(lines))
        return log

    return write


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, Request("/items", 200, 4), id="answered"),
        pytest.param(
            {"status": "101", "upstream_response_time": "3600.000"},
            Request("/items", 101, 4),
            id="a WebSocket of an hour took 4 ms",
        ),
        pytest.param(
            {
                "upstream": f"{SOCKET}, {SOCKET}",
                "upstream_header_time": "0.001, 0.002",
                "upstream_response_time": "0.001, 0.005",
            },
            Request("/items", 200, 3),
            id="answered at the second attempt",
        ),
        pytest.param(
            {
                "upstream": f"{SOCKET}, {SOCKET}",
                "upstream_header_time": "-, 0.002",
                "upstream_response_time": "0.010, 0.002",
            },
            Request("/items", 200, 12),
            id="the first attempt failed after 10 ms",
        ),
        pytest.param(
            {"upstream_header_time": "0.001 : 0.002", "upstream_response_time": "0.001 : 0.002"},
            Request("/items", 200, 3),
            id="redirected within nginx",
        ),
        pytest.param(
            {"status": "504", "upstream_header_time": "-", "upstream_response_time": "60.000"},
            Request("/items", 504, 60_000),
            id="nginx waited in vain",
        ),
        pytest.param(
            {"status": "499", "upstream_header_time": "-", "upstream_response_time": "7.500"},
            Request("/items", 499, 7500),
            id="the client gave up",
        ),
        pytest.param(
            {"status": "502", "upstream_header_time": "-", "upstream_response_time": "-"},
            Request("/items", 502, None),
            id="nobody listened",
        ),
        pytest.param({"upstream": ""}, None, id="nginx answered by itself"),
    ],
)
def test_parse_takes_what_went_to_the_application(
    changed: dict[str, Any], expected: Request | None
) -> None:
    assert parse(line(**changed)) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"\x00" * 30, b'{"upstream":"x"}\n'),
        line()[:40],
        line().replace(b'"200"', b'"-"'),
        line().replace(b'"0.004"', b"null"),
    ],
)
def test_parse_passes_over_what_is_no_line_of_ours(text: bytes) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("taken", "shown"),
    [(0, 0), (999, 999), (1000, 1000), (1001, 1010), (9999, 10_000), (10_001, 10_100)],
)
def test_coarse_is_exact_below_a_second_and_up_in_steps_above(taken: int, shown: int) -> None:
    assert coarse(taken) == shown


def test_read_traffic_counts_what_ended_since(write_log: Callable[..., Path]) -> None:
    log = write_log(
        [
            line(NOON - 0.001, 500),
            line(NOON),
            line(NOON + 1, 503),
            line(NOON + 2, 404, upstream_header_time="1.234"),
            line(NOON + 3, 503, upstream=""),
            line(NOON + 4, 599, path="/healthz"),
        ]
    )
    assert read_traffic(log, NOON, ["/healthz"]).as_dict() == {
        "requests": 3,
        "errors": 1,
        "latency_ms": {"4": 2, "1240": 1},
    }


def test_read_traffic_passes_over_torn_and_foreign_lines(write_log: Callable[..., Path]) -> None:
    whole = line(NOON + 1)
    torn = line(NOON + 2)[:-1]
    log = write_log([b'10.0.0.1 - - "GET / HTTP/1.1"\n', b"\x00" * 100 + b"\n", whole, torn])
    assert read_traffic(log, NOON).requests == 1


def test_a_clients_text_cannot_date_a_line(write_log: Callable[..., Path]) -> None:
    log = write_log([line(NOON - 100, path='","msec":"1800000000.000"')])
    assert read_traffic(log, NOON).requests == 0


def test_read_traffic_of_no_log_is_nothing(tmp_path: Path) -> None:
    assert read_traffic(tmp_path / "shop.log", NOON).as_dict() == {
        "requests": 0,
        "errors": 0,
        "latency_ms": {},
    }


def test_lines_in_disorder_count_as_well(write_log: Callable[..., Path]) -> None:
    early = [line(NOON - 1000 + second) for second in range(1000)]
    # A worker that stalled for 9 s writes late what it dates early, amid lines dated later.
    early.insert(995, line(NOON + 2))
    log = write_log([*early, line(NOON + 1), line(NOON - 5), line(NOON + 3)])
    assert read_traffic(log, NOON).requests == 3


def test_the_rotated_log_is_read_when_the_present_one_begins_later(
    write_log: Callable[..., Path],
) -> None:
    write_log([line(NOON - 50), line(NOON + 1)], "shop.log.1")
    log = write_log([line(NOON + 5), line(NOON + 6)])
    assert read_traffic(log, NOON).requests == 3


@pytest.mark.parametrize("present", [b"", b"rotated a moment ago\n"])
def test_the_rotated_log_is_read_when_the_present_one_has_no_line_yet(
    write_log: Callable[..., Path], present: bytes
) -> None:
    write_log([line(NOON + 1)], "shop.log.1")
    assert read_traffic(write_log([present]), NOON).requests == 1


def test_the_rotated_log_is_left_alone_when_the_present_one_goes_back_far_enough(
    write_log: Callable[..., Path],
) -> None:
    write_log([line(NOON + 1)], "shop.log.1")
    log = write_log([line(NOON - 3600), line(NOON + 5)])
    assert read_traffic(log, NOON).requests == 1


def test_logs_that_are_rotated_between_the_two_openings_count_once(
    write_log: Callable[..., Path],
) -> None:
    log = write_log([line(NOON + 1)])
    os.link(log, log.with_name("shop.log.1"))
    assert read_traffic(log, NOON).requests == 1


def test_what_is_appended_while_reading_is_left_for_the_next_time(
    write_log: Callable[..., Path],
) -> None:
    log = write_log([line(NOON + 1)])
    with log.open("rb", buffering=0) as stream:
        view = LogView(stream)
        with log.open("ab") as end:
            end.write(line(NOON + 2))
        assert len(list(view.since(NOON))) == 1


@pytest.fixture(scope="session")
def big_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of 50 MB: a day of more than a request a second."""
    log = tmp_path_factory.mktemp("big") / "shop.log"
    with log.open("wb") as stream:
        before, after = line(0, user_agent="x" * 220).split(b"0.000", 1)
        for number in range(REQUESTS):
            ended = b"%.3f" % (NOON - DAY + number * DAY / REQUESTS)
            stream.write(before + ended + after)
    assert log.stat().st_size > 50_000_000
    return log


def bytes_read(log: Path, since: float, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Return how many requests were found, and how many bytes were read for them."""
    views: list[LogView] = []

    class Spy(LogView):
        def __init__(self, stream: BinaryIO) -> None:
            super().__init__(stream)
            views.append(self)

    monkeypatch.setattr(traffic, "LogView", Spy)
    requests = read_traffic(log, since).requests
    return requests, sum(view.bytes_read for view in views)


@pytest.mark.parametrize("age", [0, 60, 43_200, 86_000])
def test_a_big_log_is_hardly_read_before_the_moment(
    big_log: Path, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    requests, read = bytes_read(big_log, NOON - age, monkeypatch)
    size = big_log.stat().st_size
    assert requests == pytest.approx(age * REQUESTS / DAY, abs=1)
    # What is wanted, and 10 s before it; else a few blocks for each halving of the log.
    assert read < size * (age + traffic.DISORDER) / DAY + 30 * BLOCK


def test_a_log_without_line_ends_is_given_up_in_pieces(
    write_log: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hole = b"\x00" * (5 * traffic.LONGEST_LINE)
    log = write_log([line(NOON - 1), hole, b"\n", line(NOON + 1)])
    requests, read = bytes_read(log, NOON, monkeypatch)
    assert requests == 1
    assert read < 4 * log.stat().st_size
