"""What an HTTP/2 client may send again is told apart from what was cut: RFC 9113 section 8.7."""

from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest

from tests.load.http2 import FrameSplitter, GoAway
from tests.unit.load.servers import WHOAMI, Handler, Load, Reader, Tls, Writer, reset

Connection = h2.connection.H2Connection
#: Called when a stream's request is complete, with its number and body.
OnRequest = Callable[[Connection, Writer, int, bytes], None]

GOAWAY_STREAM_1 = bytes.fromhex("000008 07 00 00000000 00000001 00000000")
PING = bytes.fromhex("000008 06 00 00000000 0102030405060708")


def server(on_request: OnRequest) -> Handler:
    async def handle(reader: Reader, writer: Writer) -> None:
        connection = Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        bodies: dict[int, bytes] = {}
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] = event.data or b""
                elif isinstance(event, h2.events.StreamEnded):
                    on_request(
                        connection, writer, event.stream_id, bodies.get(event.stream_id, b"")
                    )
            if not writer.is_closing():
                writer.write(connection.data_to_send())

    return handle


def respond(connection: Connection, stream: int, body: bytes) -> None:
    connection.send_headers(stream, [(":status", "200")])
    connection.send_data(stream, body or WHOAMI, end_stream=True)


def assert_only_the_last_waits_in_vain(result: dict[str, Any]) -> None:
    """A run may end while a server that holds the first stream still waits for the second."""
    assert result["failed_by_kind"] in ({}, {"timeout": 1})


@pytest.fixture
def load2(load: Load, tls: Tls) -> Load:
    def start(on_request: OnRequest, **changes: object) -> dict[str, Any]:
        context = tls.server("h2")
        return load(server(on_request), "h2", context, cacert=tls.certificate, **changes)

    return start


def test_http2_good_answers_fail_nothing(load2: Load) -> None:
    result = load2(lambda connection, _, stream, body: respond(connection, stream, body))
    assert (result["failed"], result["retryable"], result["reconnects"]) == (0, 0, 0)
    assert result["requests"] > 20
    assert result["releases"][0]["answers"] > 10


def test_http2_goaway_is_followed_and_open_streams_are_answered(load2: Load) -> None:
    held: dict[int, bytes] = {}

    def leave_gracefully(connection: Connection, writer: Writer, stream: int, body: bytes) -> None:
        """Holds the first stream; at the second, says goodbye and then answers both."""
        held[stream] = body
        if stream == 3:
            writer.write(connection.data_to_send() + b"\x00\x00\x08\x07\x00\x00\x00\x00\x00")
            writer.write((3).to_bytes(4) + (0).to_bytes(4))
            for number in (1, 3):
                respond(connection, number, held.pop(number))

    result = load2(leave_gracefully)
    assert_only_the_last_waits_in_vain(result)
    assert result["retryable"] == 0
    assert result["reconnects"] > 5


def test_http2_stream_above_goaways_last_is_retryable(load2: Load) -> None:
    held: dict[int, bytes] = {}

    def refuse_second(connection: Connection, writer: Writer, stream: int, body: bytes) -> None:
        held[stream] = body
        if stream == 3:
            writer.write(connection.data_to_send() + GOAWAY_STREAM_1)
            respond(connection, 1, held[1])

    result = load2(refuse_second)
    assert_only_the_last_waits_in_vain(result)
    assert result["retryable"] == result["requests"] // 2 > 5


def test_http2_stream_below_goaways_last_that_is_cut_is_a_failure(load2: Load) -> None:
    def leave_at_once(connection: Connection, writer: Writer, _: int, __: bytes) -> None:
        writer.write(connection.data_to_send() + GOAWAY_STREAM_1)
        writer.close()

    result = load2(leave_at_once)
    assert set(result["failed_by_kind"]) <= {"eof", "reset"}
    assert result["failed"] > 5
    assert result["failed"] + result["retryable"] == result["requests"]


def test_http2_connection_that_ends_fails_every_open_stream(load2: Load) -> None:
    def die(_: Connection, writer: Writer, stream: int, __: bytes) -> None:
        if stream == 3:
            reset(writer)

    result = load2(die)
    assert set(result["failed_by_kind"]) <= {"eof", "reset", "timeout"}
    assert result["failed_by_kind"].get("timeout", 0) <= 1
    assert result["failed"] == result["requests"] > 5


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (h2.errors.ErrorCodes.INTERNAL_ERROR, "failed"),
        (h2.errors.ErrorCodes.CANCEL, "failed"),
        (h2.errors.ErrorCodes.REFUSED_STREAM, "retryable"),
    ],
)
def test_http2_reset_stream_is_a_failure_unless_refused(
    load2: Load, code: h2.errors.ErrorCodes, key: str
) -> None:
    result = load2(lambda connection, _, stream, __: connection.reset_stream(stream, code))
    assert result[key] == result["requests"] == result["failed"] + result["retryable"]
    assert result["failed_by_kind"] == ({"reset": result["failed"]} if key == "failed" else {})


def test_http2_stream_without_an_end_is_a_failure_and_spoils_no_other(load2: Load) -> None:
    def forget_first(connection: Connection, _: Writer, stream: int, body: bytes) -> None:
        if stream == 1:
            connection.send_headers(stream, [(":status", "200")])
            connection.send_data(stream, WHOAMI)
        else:
            respond(connection, stream, body)

    result = load2(forget_first, timeout=0.2)
    assert (result["failed_by_kind"], result["reconnects"]) == ({"timeout": 1}, 0)
    assert result["requests"] > 20


def test_http2_status_of_an_error_is_a_failure(load2: Load) -> None:
    def refuse(connection: Connection, _: Writer, stream: int, __: bytes) -> None:
        connection.send_headers(stream, [(":status", "502")], end_stream=True)

    result = load2(refuse)
    assert result["failed_by_kind"] == {"status_5xx": result["requests"]}


@pytest.mark.parametrize("size", [1, 5, 9, 100])
def test_frame_splitter_finds_goaway_however_the_bytes_are_cut(size: int) -> None:
    data = PING + GOAWAY_STREAM_1 + PING + PING
    splitter = FrameSplitter()
    pieces = [
        piece
        for start in range(0, len(data), size)
        for piece in splitter.feed(data[start : start + size])
    ]
    assert [piece for piece in pieces if isinstance(piece, GoAway)] == [GoAway(1, 0)]
    assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == PING * 3
    assert pieces.index(GoAway(1, 0)) == 1
