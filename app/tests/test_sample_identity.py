"""Which process answered, and whether it is ready."""

import os
import socket

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient


def test_healthz_answers_200_when_ready(client: TestClient) -> None:
    """A started application is healthy and names its release and slot."""
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "release": "r1", "slot": "blue"}


def test_healthz_answers_503_before_start_and_after_shutdown(app: FastAPI) -> None:
    """Without its lifespan the application is not ready, whether not yet or no longer."""
    client = TestClient(app)
    assert client.get("/healthz").status_code == 503

    with client:
        assert client.get("/healthz").status_code == 200

    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"


def test_root_greets_with_release_and_slot(client: TestClient) -> None:
    """The front page tells which release is served."""
    assert client.get("/").json() == {"message": "Hello", "release": "r1", "slot": "blue"}


def test_whoami_tells_process_and_client(client: TestClient) -> None:
    """The answer holds what a test of a fleet compares between hosts."""
    headers = {"accept": "*/*", "x-twice": "1", "user-agent": "test"}
    answer = client.get("/whoami?a=b", headers=headers).json()
    assert headers.items() <= answer.pop("headers").items()
    assert answer == {
        "app": "fleet-sample",
        "host": socket.gethostname(),
        "release": "r1",
        "slot": "blue",
        "pid": os.getpid(),
        "client": "testclient",
        "scheme": "http",
        "root_path": "",
        "url": "http://testserver/whoami?a=b",
    }


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_whoami_tells_scheme_and_prefix_as_the_server_gives_them(app: FastAPI, scheme: str) -> None:
    """Scheme, address and prefix are the proxy's, through the server."""
    with TestClient(
        app, base_url=f"{scheme}://testserver", root_path="/api", client=("192.0.2.7", 50000)
    ) as client:
        answer = client.get("/whoami").json()

    assert (answer["scheme"], answer["client"], answer["root_path"]) == (
        scheme,
        "192.0.2.7",
        "/api",
    )
