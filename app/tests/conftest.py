"""A client of an application with settings of its own, started as a server would."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fleet_sample.application import create_app
from fleet_sample.settings import Settings


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    """Return where the application's database is to be; nobody has made it."""
    return tmp_path / "notes.sqlite3"


@pytest.fixture
def app(database_path: Path) -> FastAPI:
    """Return an application of a known release; its waits are short, the tests need no more."""
    return create_app(
        Settings(
            release="r1",
            slot="blue",
            database_path=database_path,
            processing_seconds=0.01,
            tick_seconds=0.01,
        )
    )


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Yield a client of the application, between its start and its shutdown."""
    with TestClient(app) as client:
        yield client
