"""One HTTP request, to servers that do what they can to keep the client."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.exchange import Unanswered, get_unix

Behaviour = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def server(path: Path, behave: Behaviour) -> Iterator[str]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield str(path)
        thread.join(timeout=5)


def saying(answer: bytes) -> Behaviour:
    def say(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return say


def dripping(start: bytes, drop: bytes) -> Behaviour:
    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        while True:
            time.sleep(0.05)
            connection.sendall(drop)

    return drip


def flooding(start: bytes, drop: bytes) -> Behaviour:
    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        while True:
            connection.sendall(drop * 1000)

    return flood


def test_answer_has_status_and_body_without_control_characters(tmp_path: Path) -> None:
    answer = HEAD + b"Content-Length: 9\r\n\r\n\x1b[2Jfine\nmore"
    with server(tmp_path / "s", saying(answer)) as path:
        assert get_unix(path, "/healthz", "shop.example.com") == (200, "\\x1b[2Jfine\n")


def test_answer_need_not_end_with_its_connection(tmp_path: Path) -> None:
    done = threading.Event()

    def stay(connection: socket.socket) -> None:
        saying(HEAD + b"Content-Length: 2\r\n\r\nok")(connection)
        done.wait(5)

    with server(tmp_path / "s", stay) as path:
        assert get_unix(path, "/", "h", seconds=3) == (200, "ok")
        done.set()


@pytest.mark.parametrize(
    "behave",
    [
        dripping(b"", b"H"),
        dripping(HEAD, b"X: y\r\n"),
        dripping(HEAD + b"\r\n", b"x"),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda _: time.sleep(0.6),
    ],
    ids=["line", "head", "body", "chunks", "continue", "silence"],
)
def test_slow_answer_ends_at_the_one_deadline(tmp_path: Path, behave: Behaviour) -> None:
    with server(tmp_path / "s", behave) as path:
        began = time.monotonic()
        with pytest.raises(Unanswered, match=r"did not complete its answer within 0\.3 s"):
            get_unix(path, "/", "h", seconds=0.3)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("start", "drop"),
    [(HEAD, b"X: y\r\n"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"", b"x")],
    ids=["head", "continue", "line"],
)
def test_endless_answer_ends_at_the_bound(tmp_path: Path, start: bytes, drop: bytes) -> None:
    with server(tmp_path / "s", flooding(start, drop)) as path, pytest.raises(Unanswered):
        get_unix(path, "/", "h", seconds=60)


def test_long_body_is_cut(tmp_path: Path) -> None:
    with server(tmp_path / "s", flooding(HEAD + b"\r\n", b"x")) as path:
        status, body = get_unix(path, "/", "h", seconds=60)
    assert (status, len(body)) == (200, 65536)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "does not answer: Remote end closed connection without response"),
        (b"SSH-2.0\x1b[2J\r\n\r\n", "does not answer in HTTP: SSH-2.0\\x1b[2J"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "does not answer in HTTP: Incomplete"),
    ],
    ids=["closed", "another protocol", "no chunks"],
)
def test_broken_answer_is_told_in_words(tmp_path: Path, answer: bytes, told: str) -> None:
    with server(tmp_path / "s", saying(answer)) as path, pytest.raises(Unanswered) as error:
        get_unix(path, "/", "h")
    assert str(error.value).startswith(told)


def test_nobody_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match="does not answer: No such file or directory"):
        get_unix(str(tmp_path / "none"), "/", "h")
