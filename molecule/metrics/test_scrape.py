"""What Prometheus sees of an application that knows nothing of it."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPSConnection
from threading import Event

from events import DOMAIN, Shop
from prom import Prometheus, until

SUM = "sum(asgi_fleet_requests_total{%s})"
WHOAMI = SUM % 'route="/whoami",method="GET",status="2xx"'
#: Counters of all kinds; one that fell would count as one that began again.
COUNTERS = (
    *("requests_total", "request_duration_seconds_bucket", "request_duration_seconds_sum"),
    *("workers_ended_total", "worker_busy_seconds_total", "worker_cpu_seconds_total"),
    *("websockets_total", "event_loop_lag_seconds_sum", "event_loop_lag_seconds_count"),
)


def ask(shop: Shop, path: str, times: int) -> list[int]:
    """Request a path on one connection after the other, and return the statuses."""
    context = ssl.create_default_context(cafile=str(shop.folder / "ca.pem"))
    statuses: list[int] = []
    while len(statuses) < times:
        # As a visitor who has resolved the name: nginx refuses others.
        connection = HTTPSConnection(DOMAIN, timeout=60)
        raw = socket.create_connection(("127.0.0.1", shop.port), timeout=60)
        connection.sock = context.wrap_socket(raw, server_hostname=DOMAIN)
        for _ in range(min(50, times - len(statuses))):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
    return statuses


def served(shop: Shop) -> int:
    """Return how many requests for /whoami nginx has logged since the first deploy."""
    return int(shop.shell('grep -c \'"path":"/whoami"\' /var/log/nginx/shop.log'))


def fallen(prometheus: Prometheus) -> dict[str, float]:
    """Return how often counters fell, of those that did."""
    window = f"{prometheus.seconds()}s"
    resets = {
        name: prometheus.value(f"sum(resets(asgi_fleet_{name}[{window}]))") for name in COUNTERS
    }
    return {name: count for name, count in resets.items() if count}


def master(shop: Shop) -> str:
    """Return the PID of the live slot's master."""
    unit = f"shop@{shop.live().split()[0]}.service"
    return shop.shell(f"systemctl show --property=MainPID --value {unit}")


@contextmanager
def asking(shop: Shop, path: str) -> Iterator[list[int]]:
    """Request a path meanwhile; the list has the statuses."""
    statuses: list[int] = []
    ended = Event()

    def go_on() -> None:
        while not ended.is_set():
            statuses.extend(ask(shop, path, 5))
            time.sleep(0.1)

    with ThreadPoolExecutor() as pool:
        asked = pool.submit(go_on)
        try:
            yield statuses
        finally:
            ended.set()
            # Raises what has failed there.
            asked.result()


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
    pid = master(shop)
    # A master that stands still starts no successor.
    shop.shell(f"kill -STOP {pid}; kill -KILL $(pgrep -P {pid} | head -1)")
    try:
        until(lambda: prometheus.value("sum(asgi_fleet_workers)") == 1, "the end of one")
        assert prometheus.value(WHOAMI) == before
    finally:
        shop.shell(f"kill -CONT {pid}")
    until(lambda: prometheus.value("sum(asgi_fleet_workers)") == 2, "its successor")
    assert prometheus.value(WHOAMI) == before
    assert prometheus.value("sum(asgi_fleet_workers_ended_total)") == ended + 1
    assert fallen(prometheus) == {}


def test_counts_of_a_killed_master_stay(shop: Shop, prometheus: Prometheus) -> None:
    shop.shell(f"kill -9 {master(shop)}")
    with asking(shop, "/whoami") as statuses:
        until(
            lambda: prometheus.value("sum(asgi_fleet_service_restarts_total)") >= 1, "the restart"
        )
        time.sleep(3)
    assert set(statuses) == {200}
    until(lambda: prometheus.value(WHOAMI) == served(shop), "what nginx's log has")
    assert fallen(prometheus) == {}


def test_counters_do_not_fall_over_a_release_and_a_rollback(
    shop: Shop, prometheus: Prometheus
) -> None:
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
    until(lambda: prometheus.value(WHOAMI) == served(shop), "what nginx's log has")
    assert fallen(prometheus) == {}


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
    assert fallen(prometheus) == {}


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


def test_metrics_that_are_not_wanted_any_more_are_not_served(shop: Shop) -> None:
    shop.succeed("provision", tags="metrics", app_metrics={"enabled": False})
    units = "ls -d /etc/systemd/system/shop-metrics* /etc/systemd/system/*.wants/shop-metrics*"
    listening = "systemctl is-active shop-metrics.socket shop-metrics.service"
    assert shop.shell(f"{{ {units} /etc/shop/metrics.json; }} 2>/dev/null", check=False) == ""
    assert set(shop.shell(listening, check=False).split()) == {"inactive"}
    exporters = "systemctl is-active prometheus-node-exporter prometheus-nginx-exporter"
    assert set(shop.shell(exporters, check=False).split()) == {"inactive"}
    again = shop.succeed("provision", tags="metrics", app_metrics={"enabled": False})
    assert re.search(r"metered +: ok=\d+ +changed=0 ", again)
    shop.succeed("provision", tags="metrics")


def test_removal_leaves_nothing(shop: Shop) -> None:
    shop.succeed("remove", remove="shop")
    left = (
        "ls -d /etc/systemd/system/shop-metrics* /run/shop /etc/shop "
        "/etc/systemd/system/prometheus-* /etc/nginx/conf.d/02_fleet_status.conf; id shop-metrics; "
        "systemctl --quiet is-enabled prometheus-node-exporter && echo enabled"
    )
    assert shop.shell(f"{left} 2>/dev/null", check=False) == ""
