"""One deploy and one Prometheus for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import Shop
from prom import Prometheus, until

#: What fails, and what logs, for the end of the sample application's main.py.
BROKEN = """
import logging

@app.get("/broken/{number}")
def broken(number: int) -> None:
    raise ValueError(number)


@app.get("/logged")
def logged() -> str:
    logging.getLogger("shop.orders").warning("no stock", extra={"article": 7})
    return "logged"


@app.get("/failing")
def failing() -> None:
    raise LookupError("no stock")
"""
INVENTORY = Path(__file__).parent / "inventory"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The host with the sample application, `app/`, to which `app_metrics` alone was added."""
    folder = tmp_path_factory.mktemp("metrics")
    shop = Shop.connected(folder, INVENTORY, "metered")
    shop.variables["app_source"] = shop.new_version(BROKEN)
    shop.succeed("deploy")
    (folder / "ca.pem").write_text(shop.shell("cat /etc/shop/tls/fullchain.pem"), encoding="utf-8")
    return shop


@pytest.fixture(scope="session")
def prometheus(shop: Shop) -> Prometheus:
    """A Prometheus that scrapes it all the time."""
    prometheus = Prometheus(shop)
    targets = shop.folder / "targets.json"
    shop.succeed("metrics_targets", metrics_targets_file=str(targets))
    prometheus.install(targets.read_text(encoding="utf-8"))
    until(lambda: prometheus.value('up{job="asgi_fleet"}') == 1, "the first scrape")
    return prometheus
