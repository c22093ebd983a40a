"""What Prometheus sees of an application that knows nothing of it."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from threading import Event, Thread

from events import DOMAIN, Shop
from prom import Prometheus, until

SUM = "sum(asgi_fleet_requests_total{%s})"
WHOAMI = SUM % 'route="/whoami",method="GET",status="2xx"'
#: A counter that fell would count as one that began again.
RESETS = (
    'sum(resets({__name__=~"asgi_fleet_.*(_total|_bucket|_sum|_count)",'
    '__name__!="asgi_fleet_service_restarts_total"}[1h]))'
)


def ask(shop: Shop, path: str, times: int) -> list[int]:
    """Request a path on one connection after the other, and return the statuses."""
    context = ssl.create_default_context(cafile=str(shop.folder / "ca.pem"))
    context.check_hostname = False
    statuses: list[int] = []
    while len(statuses) < times:
        connection = HTTPSConnection("127.0.0.1", shop.port, timeout=20, context=context)
        for _ in range(min(50, times - len(statuses))):
            connection.request("GET", path, headers={"Host": DOMAIN})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
    return statuses


@contextmanager
def asking(shop: Shop, path: str) -> Iterator[list[int]]:
    """Request a path meanwhile; the list has the statuses."""
    statuses: list[int] = []
    ended = Event()

    def go_on() -> None:
        while not ended.is_set():
            statuses.extend(ask(shop, path, 5))
            time.sleep(0.1)

    thread = Thread(target=go_on)
    thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        thread.join()


def test_counts_equal_what_was_asked(shop: Shop, prometheus: Prometheus) -> None:
    before = prometheus.value(WHOAMI)
    assert set(ask(shop, "/whoami", 300)) == {200}
    until(lambda: prometheus.value(WHOAMI) == before + 300, "300 requests more")
    durations = prometheus.value('sum(asgi_fleet_request_duration_seconds_count{route="/whoami"})')
    assert durations == before + 300
    assert prometheus.value("sum(asgi_fleet_requests_in_flight)") == 0


def test_counts_of_a_killed_worker_stay_and_its_gauges_go(
    shop: Shop, prometheus: Prometheus
) -> None:
    until(lambda: prometheus.value("sum(asgi_fleet_workers)") == 2, "two workers")
    before = prometheus.value(WHOAMI)
    ended = prometheus.value("sum(asgi_fleet_workers_ended_total)")
    shop.shell("kill -9 $(pgrep -P $(systemctl show -p MainPID --value 'shop@*') | head -1)")
    until(lambda: prometheus.value("min_over_time(sum(asgi_fleet_workers)[30s:2s])") == 1, "one")
    until(lambda: prometheus.value("sum(asgi_fleet_workers)") == 2, "its successor")
    assert prometheus.value(WHOAMI) == before
    assert prometheus.value("sum(asgi_fleet_workers_ended_total)") == ended + 1
    assert prometheus.value(RESETS) == 0


def test_counts_of_a_killed_master_stay(shop: Shop, prometheus: Prometheus) -> None:
    before = prometheus.value(WHOAMI)
    shop.shell("kill -9 $(systemctl show -p MainPID --value 'shop@*')")
    with asking(shop, "/whoami") as statuses:
        until(
            lambda: prometheus.value("sum(asgi_fleet_service_restarts_total)") >= 1, "the restart"
        )
        time.sleep(3)
    assert set(statuses) == {200}
    until(lambda: prometheus.value(WHOAMI) == before + len(statuses), "what was asked meanwhile")
    assert prometheus.value(RESETS) == 0


def test_counters_do_not_fall_over_a_release_and_a_rollback(
    shop: Shop, prometheus: Prometheus
) -> None:
    before = prometheus.value(WHOAMI)
    first = shop.live().split()[1]
    with asking(shop, "/whoami") as statuses:
        shop.succeed("release", app_source=shop.new_version())
        second = shop.live().split()[1]
        release = (
            f'asgi_fleet_slot_info{{release="{second}"}} and on (slot) asgi_fleet_slot_live == 1'
        )
        until(lambda: prometheus.value(release) == 1, "the new release")
        shop.succeed("rollback")
    assert shop.live().split()[1] == first != second
    assert set(statuses) == {200}
    until(lambda: prometheus.value(WHOAMI) == before + len(statuses), "all that was asked")
    assert prometheus.value(RESETS) == 0


def test_alert_fires_for_errors(shop: Shop, prometheus: Prometheus) -> None:
    with asking(shop, "/broken/7") as statuses:
        until(lambda: "AppErrors" in prometheus.firing(), "the alert")
    assert set(statuses) == {500}
    until(
        lambda: prometheus.value(SUM % 'route="/broken/{number}",status="5xx"') == len(statuses),
        "all failures, by their route's template",
    )
    until(lambda: "AppErrors" not in prometheus.firing(), "the end of the alert")


def test_alert_fires_for_missing_workers(shop: Shop, prometheus: Prometheus) -> None:
    unit = f"shop@{shop.live().split()[0]}.service"
    shop.shell(f"systemctl stop {unit}")
    try:
        until(lambda: "WorkersMissing" in prometheus.firing(), "the alert")
    finally:
        shop.shell(f"systemctl start {unit}")
    until(lambda: "WorkersMissing" not in prometheus.firing(), "the end of the alert")
    assert prometheus.value(RESETS) == 0


def test_metrics_are_well_formed_to_promtool(shop: Shop, prometheus: Prometheus) -> None:
    target = shop.shell("systemctl show -p Listen --value shop-metrics.socket").split()[0]
    assert prometheus.run(f"curl -sS -m 20 http://{target}/metrics | promtool check metrics") == ""


def test_only_those_who_may_are_answered(shop: Shop) -> None:
    target = shop.shell("systemctl show -p Listen --value shop-metrics.socket").split()[0]
    # The machine itself asks from the network's first address, which is in it; loopback is not.
    assert "asgi_fleet_workers" in shop.shell(f"curl -sS -m 20 http://{target}/metrics")
    shop.shell("sed -i 's/10.91[^\"]*/192.0.2.0\\/24/' /etc/shop/metrics.json")
    shop.shell("systemctl stop shop-metrics.service")
    told = shop.shell(f"curl -sS -m 20 http://{target}/metrics 2>&1", "prometheus", check=False)
    assert re.search("Empty reply|reset", told)


def test_second_run_restores_and_a_third_changes_nothing(shop: Shop) -> None:
    first = shop.succeed("provision", tags="metrics")
    assert re.search(r"metered +: ok=\d+ +changed=[1-9]", first)
    again = shop.succeed("provision", tags="metrics")
    assert re.search(r"metered +: ok=\d+ +changed=0 ", again)


def test_removal_leaves_nothing(shop: Shop) -> None:
    shop.succeed("remove", remove="shop")
    left = (
        "ls -d /etc/systemd/system/shop-metrics* /run/shop /etc/shop 2>/dev/null; id shop-metrics"
    )
    assert shop.shell(f"{left} 2>/dev/null", check=False) == ""
