"""`/procesar` with a sleep that blocks; what it costs needs real servers, in tests/ways."""

import os

import pytest
from fastapi.testclient import TestClient
from fleet_sample.settings import Settings


@pytest.mark.parametrize("form", ["def", "async"])
def test_procesar_tells_who_worked_and_when(client: TestClient, form: str) -> None:
    """The answer is the tutorial's, with what shows how requests overlap."""
    answer = client.get(f"/procesar/{form}").json()

    assert answer.keys() == {"mensaje", "pid", "began", "ended"}
    assert (answer["mensaje"], answer["pid"]) == ("Procesado", os.getpid())
    assert answer["ended"] - answer["began"] >= 0.01


def test_time_of_procesar_comes_from_the_environment() -> None:
    """A demonstration may be shorter or longer than the two seconds of the tutorial."""
    assert Settings.from_environment({"PROCESSING_SECONDS": "0.5"}).processing_seconds == 0.5
