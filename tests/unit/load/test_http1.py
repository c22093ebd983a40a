"""Each way in which a server can fail an HTTP/1.1 client is seen, and none that it may is."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.unit.load.servers import (
    WHOAMI,
    Load,
    Reader,
    Tls,
    Writer,
    answer,
    request,
    reset,
    serve_well,
)


def test_good_answers_fail_nothing_and_name_the_release(load: Load) -> None:
    result = load(serve_well, "get,post")
    assert result["failed"] == 0
    assert result["requests"] > 20
    assert result["reconnects"] == 0
    assert result["p50_ms"] <= result["p99_ms"] <= result["max_ms"]
    (release,) = result["releases"]
    assert (release["release"], release["slot"]) == ("1.0.0-aaaaaaaa", "blue")
    assert 10 < release["answers"] < result["requests"]
    assert release["first_seen"] < release["last_seen"]


def test_connection_close_is_followed_without_a_failure(load: Load) -> None:
    async def close_after_each(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(answer(WHOAMI, "Connection: close"))

    result = load(close_after_each)
    assert result["failed"] == 0
    assert result["reconnects"] == result["requests"] - 1 > 10


def test_idle_connection_that_the_server_closes_is_no_failure(load: Load) -> None:
    async def close_when_idle(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(answer(WHOAMI))

    result = load(close_when_idle)
    assert result["failed"] == 0
    assert result["reconnects"] == result["requests"] - 1 > 10


def test_reset_after_the_request_is_a_failure(load: Load) -> None:
    async def reset_second(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(answer(WHOAMI))
        await request(reader)
        reset(writer)

    result = load(reset_second)
    assert result["failed_by_kind"] == {"reset": result["failed"]}
    assert result["failed"] == result["requests"] // 2 > 5


def test_end_of_the_connection_after_the_request_is_a_failure(load: Load) -> None:
    async def leave(reader: Reader, _: Writer) -> None:
        await request(reader)

    result = load(leave)
    assert result["failed_by_kind"] == {"eof": result["requests"]}


@pytest.mark.parametrize(
    "part",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + WHOAMI,
    ],
    ids=["head", "length", "chunks", "no length"],
)
def test_answer_that_ends_in_the_middle_is_a_failure(load: Load, part: bytes) -> None:
    async def half(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(part)

    result = load(half)
    assert result["failed_by_kind"] == {"eof": result["requests"]}


@pytest.mark.parametrize(
    ("status", "kind"),
    [("502 Bad Gateway", "status_5xx"), ("404 Not Found", "status_other")],
)
def test_status_other_than_200_is_a_failure(load: Load, status: str, kind: str) -> None:
    async def refuse(reader: Reader, writer: Writer) -> None:
        while True:
            await request(reader)
            writer.write(answer(b"sorry", status=status))

    result = load(refuse)
    assert result["failed_by_kind"] == {kind: result["requests"]}
    assert result["reconnects"] == 0


@pytest.mark.parametrize("kind", ["get", "post"])
def test_answer_of_another_body_is_a_failure(load: Load, kind: str) -> None:
    async def mistake(reader: Reader, writer: Writer) -> None:
        while True:
            await request(reader)
            writer.write(answer(b"something else"))

    result = load(mistake, kind)
    assert result["failed_by_kind"] == {"bad_body": result["requests"]}
    assert result["failed_by_client"] == {kind: result["requests"]}


def test_answer_that_does_not_come_is_a_failure(load: Load) -> None:
    async def silent(reader: Reader, _: Writer) -> None:
        await request(reader)
        await asyncio.sleep(60)

    result = load(silent, timeout=0.2)
    assert result["failed_by_kind"] == {"timeout": result["requests"]}


def test_request_that_is_out_at_the_end_is_waited_for(load: Load) -> None:
    async def slow(reader: Reader, writer: Writer) -> None:
        await request(reader)
        await asyncio.sleep(0.8)
        reset(writer)

    result = load(slow)
    assert (result["requests"], result["failed_by_kind"]) == (1, {"reset": 1})


def test_bytes_that_are_no_http_are_a_failure(load: Load) -> None:
    async def babble(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n")

    result = load(babble)
    assert result["failed_by_kind"] == {"protocol": result["requests"]}


def test_port_that_nobody_listens_on_is_a_failure(load: Load, unused_port: int) -> None:
    result = load(serve_well, port=unused_port)
    assert result["failed_by_kind"] == {"connect": result["requests"]}


def test_certificate_that_is_not_trusted_is_a_failure(load: Load, tls: Tls) -> None:
    result = load(serve_well, server_tls=tls.server())
    assert result["failed_by_kind"] == {"tls": result["requests"]}


def test_tls_works_and_a_cut_within_it_is_a_failure(load: Load, tls: Tls) -> None:
    async def reset_second(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(answer(WHOAMI))
        await request(reader)
        reset(writer)

    result = load(reset_second, server_tls=tls.server(), cacert=tls.certificate)
    assert result["failed"] == result["requests"] // 2 > 5
    assert set(result["failed_by_kind"]) <= {"reset", "eof"}


def test_events_file_has_a_line_for_each_failure(load: Load, tmp_path: Path) -> None:
    async def refuse(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(answer(b"no slot", "Connection: close", status="502 Bad Gateway"))

    result = load(refuse, "post")
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert len(lines) == result["failed"] > 10
    assert lines[0]["kind"] == "status_5xx"
    assert lines[0]["client"] == "post-1"
    assert "502 b'no slot'; request 1 of its connection" in lines[0]["detail"]
    assert lines[0]["time"] <= lines[-1]["time"]


def test_prefix_of_the_url_comes_before_every_path(load: Load) -> None:
    paths = []

    async def note(reader: Reader, writer: Writer) -> None:
        while True:
            path, body = await request(reader)
            paths.append(path)
            writer.write(answer(body or WHOAMI))

    result = load(note, "get,post", url=urlsplit("http://localhost/api"))
    assert result["failed"] == 0
    assert set(paths) == {"/api/whoami", "/api/echo"}
