"""What the inventory's one command writes is what a real Prometheus discovers."""

from __future__ import annotations

from typing import Any

from events import Shop
from prom import Prometheus, until


def targets(prometheus: Prometheus) -> list[dict[str, Any]]:
    """Return what Prometheus scrapes."""
    data = prometheus.ask("targets?state=active")
    assert isinstance(data, dict)
    return list(data["activeTargets"])


def test_targets_are_discovered_and_answer(shop: Shop, prometheus: Prometheus) -> None:
    address = shop.shell("systemctl show -p Listen --value shop-metrics.socket").split()[0]
    until(lambda: {one["health"] for one in targets(prometheus)} == {"up"}, "an answer of each")
    host = {"host": "metered", "instance": address}
    assert {one["scrapeUrl"]: one["labels"] for one in targets(prometheus)} == {
        f"http://{address}/metrics": {"job": "asgi_fleet", "app": "shop", **host},
        f"http://{address}/metrics/host": {"job": "asgi_fleet_host", **host},
        f"http://{address}/metrics/nginx": {"job": "asgi_fleet_nginx", **host},
    }


def test_labels_of_the_metrics_stay_theirs(prometheus: Prometheus) -> None:
    labels = '{app="shop",host="metered",exported_app=""}'
    assert prometheus.value(f"count(asgi_fleet_slot_live{labels})") == 2


def test_host_without_metrics_is_no_target(shop: Shop) -> None:
    told = shop.play("metrics_targets", app_metrics={"enabled": False})
    assert told.returncode != 0
    assert "app_metrics.enabled is false on each host" in told.stdout
