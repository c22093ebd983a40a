"""What the tests of the other ways share: the image, built once for a run."""

import pytest

from bench import containers


@pytest.fixture(scope="session")
def image() -> str:
    return containers.build()
