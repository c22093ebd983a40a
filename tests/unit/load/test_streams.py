"""WebSocket and event stream clients see a cut, and accept a proper end."""

import asyncio
import base64
import hashlib
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from tests.unit.load.servers import Load, Reader, Tls, Writer, answer, reset

#: RFC 6455 section 1.3.
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
EVENT_STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def upgrade(reader: Reader, writer: Writer) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    (key,) = [
        line.partition(b":")[2].strip()
        for line in head.splitlines()
        if line.lower().startswith(b"sec-websocket-key:")
    ]
    accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest())  # noqa: S324 - RFC 6455
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


async def message(reader: Reader) -> bytes:
    """Reads one short, masked text frame."""
    head = await reader.readexactly(2)
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(head[1] & 0x7F)
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def text(payload: bytes) -> bytes:
    return b"\x81" + bytes([len(payload)]) + payload


def close(code: int) -> bytes:
    return b"\x88\x02" + code.to_bytes(2)


def test_ws_messages_come_back(load: Load) -> None:
    async def echo(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        while True:
            writer.write(text(await message(reader)))

    result = load(echo, "ws")
    assert (result["failed"], result["ws_connections"], result["ws_unanswered"]) == (0, 1, 0)
    assert result["ws_messages"] >= 3


@pytest.mark.parametrize("code", [1001, 1012])
def test_ws_close_of_a_restart_is_proper(load: Load, code: int) -> None:
    async def restart(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        writer.write(text(await message(reader)))
        await message(reader)
        writer.write(close(code))
        await message(reader)

    result = load(restart, "ws")
    assert result["failed"] == 0
    assert result["ws_closed_properly"] >= 1
    assert result["ws_unanswered"] == result["ws_closed_properly"]


def test_ws_message_that_the_end_of_the_run_cuts_is_not_unanswered(load: Load) -> None:
    async def think(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        await message(reader)
        await asyncio.sleep(60)

    result = load(think, "ws")
    assert (result["failed"], result["ws_connections"], result["ws_unanswered"]) == (0, 1, 0)


@pytest.mark.parametrize("code", [1000, 1006, 1011])
def test_ws_close_of_another_code_is_a_failure(load: Load, code: int) -> None:
    async def leave(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        await message(reader)
        writer.write(close(code))

    result = load(leave, "ws")
    # 1006 must not be sent: to receive it is an error of the protocol, answered as one.
    assert set(result["failed_by_kind"]) <= {"close_code", "eof"}
    assert result["failed"] >= 1
    assert result["ws_closed_properly"] == 0


@pytest.mark.parametrize("with_reset", [False, True])
def test_ws_end_without_a_close_frame_is_a_failure(load: Load, with_reset: bool) -> None:
    async def cut(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        await message(reader)
        if with_reset:
            reset(writer)

    result = load(cut, "ws")
    assert set(result["failed_by_kind"]) <= {"eof", "reset"}
    assert result["failed"] >= 2
    assert result["failed_by_client"] == {"ws": result["failed"]}


def test_ws_message_that_changes_is_a_failure(load: Load) -> None:
    async def change(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        await message(reader)
        writer.write(text(b"something else"))
        await message(reader)

    assert set(load(change, "ws")["failed_by_kind"]) == {"bad_body"}


def test_ws_message_that_does_not_come_back_is_a_failure(load: Load) -> None:
    async def keep(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        await reader.read()

    assert set(load(keep, "ws", timeout=0.1)["failed_by_kind"]) == {"timeout"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [("502 Bad Gateway", "status_5xx"), ("403 Forbidden", "status_other")],
)
def test_ws_upgrade_that_is_refused_is_a_failure(load: Load, status: str, kind: str) -> None:
    async def refuse(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"no", "Connection: close", status=status))

    assert set(load(refuse, "ws")["failed_by_kind"]) == {kind}


@pytest.mark.parametrize("with_reset", [False, True])
def test_ws_upgrade_that_is_cut_is_a_failure(load: Load, with_reset: bool) -> None:
    async def cut(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if with_reset:
            reset(writer)

    # The library reports both as the end of its stream, depending on what it was reading.
    kinds = set(load(cut, "ws")["failed_by_kind"])
    assert kinds
    assert kinds <= ({"reset", "eof"} if with_reset else {"eof"})


def test_ws_port_that_nobody_listens_on_is_a_failure(load: Load, unused_port: int) -> None:
    async def nobody(_: Reader, __: Writer) -> None:
        raise AssertionError

    assert set(load(nobody, "ws,sse", port=unused_port)["failed_by_kind"]) == {"connect"}


def test_sse_events_are_counted_however_they_are_cut(load: Load) -> None:
    async def stream(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EVENT_STREAM)
        for piece in (b"data: 1\n", b"\ndata: 2\r\n\r\n: note\n\nda", b"ta: 3\n\n"):
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0.02)
        await asyncio.sleep(60)

    result = load(stream, "sse")
    assert (result["failed"], result["sse_streams"], result["sse_events"]) == (0, 1, 3)
    assert result["sse_ended_properly"] == 0


def test_sse_last_chunk_is_a_proper_end(load: Load) -> None:
    async def end(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EVENT_STREAM + chunk(b"data: 1\n\n") + chunk(b""))

    result = load(end, "sse")
    assert result["failed"] == 0
    assert result["sse_ended_properly"] == result["sse_events"] >= 2


@pytest.mark.parametrize("with_reset", [False, True])
def test_sse_stream_that_is_cut_is_a_failure(load: Load, with_reset: bool) -> None:
    async def cut(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EVENT_STREAM + chunk(b"data: 1\n\n"))
        await asyncio.sleep(0.05)
        if with_reset:
            reset(writer)

    result = load(cut, "sse")
    assert result["failed_by_kind"] == {"reset" if with_reset else "eof": result["failed"]}
    assert result["failed"] >= 2
    assert result["sse_ended_properly"] == 0


def test_sse_silence_is_a_failure(load: Load) -> None:
    async def fall_silent(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EVENT_STREAM + chunk(b"data: 1\n\n"))
        await asyncio.sleep(60)

    assert set(load(fall_silent, "sse", timeout=0.1)["failed_by_kind"]) == {"timeout"}


def test_sse_status_other_than_200_is_a_failure(load: Load) -> None:
    async def refuse(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"down", status="503 Service Unavailable"))

    assert set(load(refuse, "sse")["failed_by_kind"]) == {"status_5xx"}


@pytest.mark.parametrize("proper", [True, False])
def test_sse_over_http2_ends_properly_only_by_end_stream(
    load: Load, tls: Tls, tmp_path: Path, proper: bool
) -> None:
    async def stream(reader: Reader, writer: Writer) -> None:
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        if chosen == "http/1.1":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(EVENT_STREAM + chunk(b"data: 1\n\n") + chunk(b""))
            return
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    connection.send_headers(event.stream_id, [(":status", "200")])
                    connection.send_data(event.stream_id, b"data: 1\n\n", end_stream=proper)
            writer.write(connection.data_to_send())
            if not proper and connection.highest_inbound_stream_id:
                return

    context = tls.server("h2", "http/1.1")
    result = load(stream, "sse", context, cacert=tls.certificate, connections=2)
    assert result["sse_events"] == result["sse_streams"] >= 4
    if proper:
        assert result["failed"] == 0
    else:
        assert set(result["failed_by_kind"]) == {"eof"}
        events = (tmp_path / "events.jsonl").read_text().splitlines()
        assert all('"sse-2"' in event for event in events)
