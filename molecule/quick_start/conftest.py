"""The reader, at a new machine."""

from __future__ import annotations

import pytest
from reader import Reader


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody with a new machine and a bare host, who has not typed anything yet."""
    reader = Reader.arrived(tmp_path_factory.mktemp("quick_start"))
    reader.may_clone()
    return reader
