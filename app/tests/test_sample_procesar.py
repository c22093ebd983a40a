"""`/procesar` in its forms; what each costs needs real servers, in tests/ways."""

import os

import pytest
from fastapi.testclient import TestClient
from fleet_sample.settings import Settings


@pytest.mark.parametrize(
    ("method", "form"), [("GET", ""), ("POST", ""), ("GET", "/async"), ("GET", "/await")]
)
def test_procesar_tells_who_worked_and_when(client: TestClient, method: str, form: str) -> None:
    """The answer is the tutorial's, with what shows how requests overlap."""
    answer = client.request(method, f"/procesar{form}").json()

    assert answer.keys() == {"mensaje", "pid", "began", "ended", "release", "slot"}
    assert (answer["mensaje"], answer["pid"]) == ("Procesado", os.getpid())
    assert (answer["release"], answer["slot"]) == ("r1", "blue")
    assert answer["ended"] - answer["began"] >= 0.01


def test_procesar_takes_two_seconds_by_default() -> None:
    """The demonstration of a deployment under load counts on this time."""
    assert Settings().processing_seconds == 2.0


def test_time_of_procesar_comes_from_the_environment() -> None:
    """A demonstration may be shorter or longer than the two seconds of the tutorial."""
    assert Settings.from_environment({"PROCESSING_SECONDS": "0.5"}).processing_seconds == 0.5
