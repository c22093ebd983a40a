"""Requests with bodies."""

import hashlib
from collections.abc import Iterator

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
