"""The host, deployed once for the whole session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from events import Shop
from measuring import Bench

SCENARIO = Path(__file__).parent

#: Answers well one by one, and with status 500 while another request is under way.
BRITTLE = """
import asyncio
from fastapi import Response
under_way = 0
async def brittle() -> Response:
    global under_way
    under_way += 1
    try:
        await asyncio.sleep(0.01)
        return Response(status_code=200 if under_way == 1 else 500)
    finally:
        under_way -= 1
app.add_api_route("/brittle", brittle)
"""


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One host with the sample application, which has a route more."""
    folder = tmp_path_factory.mktemp("tune")
    inventory = folder / "inventory" / "shop"
    shutil.copytree(SCENARIO / "inventory", inventory)
    shop = Shop.connected(folder, inventory, "tune1")
    source = shop.new_version(BRITTLE)
    shop.variables = {"app_source": source}
    shop.succeed("deploy")
    # Of an inventory, not of the command line: tune.yml refuses to write what that overrules.
    return Bench(shop)


@pytest.fixture(autouse=True)
def _as_it_was(bench: Bench) -> Iterator[None]:
    """After each test the host is as it was, whatever came of the measurement."""
    before = bench.state()
    yield
    took = bench.is_as_before(before, 60)
    print(f"as it was {took:.1f} s after the test")
