"""Requests with bodies."""

import hashlib
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient


def test_upload_measures_a_body_that_comes_in_pieces(client: TestClient) -> None:
    """Size and digest are those of the whole, not of a piece."""
    chunk = bytes(range(256)) * 256

    def pieces() -> Iterator[bytes]:
        for _ in range(16):
            yield chunk

    answer = client.post("/upload", content=pieces())

    assert answer.json() == {
        "size": 16 * len(chunk),
        "sha256": hashlib.sha256(chunk * 16).hexdigest(),
    }


def test_upload_accepts_an_empty_body(client: TestClient) -> None:
    """Nothing has a size and a digest too."""
    assert client.post("/upload").json() == {"size": 0, "sha256": hashlib.sha256().hexdigest()}


def test_echo_answers_the_body_as_plain_bytes(client: TestClient) -> None:
    """The bytes come back, the content type does not."""
    body = b"<script>\x00\xff</script>"
    answer = client.post("/echo", content=body, headers={"content-type": "text/html"})

    assert answer.content == body
    assert answer.headers["content-type"] == "application/octet-stream"


def test_download_has_its_whole_size(client: TestClient) -> None:
    """64 KiB, with a length: nginx and a client can tell that nothing is missing."""
    answer = client.get("/download")

    assert len(answer.content) == 65536
    assert answer.headers["content-length"] == "65536"


def test_wait_takes_as_long_as_asked(client: TestClient) -> None:
    """The answer comes no earlier than that."""
    began = time.monotonic()
    answer = client.get("/wait", params={"seconds": 0.1})

    assert answer.json() == {"seconds": 0.1}
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("seconds", ["-1", "61", "long"])
def test_wait_refuses_what_nobody_should_ask_for(client: TestClient, seconds: str) -> None:
    """A wait without a limit would hold a connection for ever."""
    assert client.get("/wait", params={"seconds": seconds}).status_code == 422
