"""What the exporters of the distribution say through the one endpoint, and that they go with it."""

from __future__ import annotations

import json
import re

from events import Shop
from prom import Prometheus, until
from test_scrape import ask

PORTS = {"host": 9100, "status": 9112, "nginx": 9113}
UNITS = ("prometheus-node-exporter.service", "prometheus-nginx-exporter.service")
FILES = (
    *(f"/etc/systemd/system/{unit}.d" for unit in UNITS),
    "/etc/nginx/conf.d/02_fleet_status.conf",
)
OTHER = "/etc/other/metrics.json"


def states(shop: Shop) -> list[str]:
    """Return for each unit whether it runs, and whether it would after a boot."""
    asked = "systemctl show --property=ActiveState,UnitFileState --value"
    return shop.shell(f"{asked} {' '.join(UNITS)}").split()


def listening(shop: Shop) -> set[str]:
    """Return the addresses at which the exporters, and what nginx counts, are to be had."""
    ports = " or ".join(f"sport = :{port}" for port in PORTS.values())
    return set(shop.shell(f"ss -Hltn '( {ports} )' | awk '{{print $4}}'").split())


def left(shop: Shop) -> str:
    """Return which of the files are there."""
    return shop.shell(f"ls -d {' '.join(FILES)} 2>/dev/null", check=False)


def without(shop: Shop, *told: str) -> str:
    """Provision the metrics again with some exporters alone."""
    address = shop.shell("systemctl show -p Listen --value shop-metrics.socket").split()[0]
    network = re.sub(r"\.\d+:\d+$", ".0/24", address)
    metrics = {"enabled": True, "listen": address, "allow": [network], "exporters": list(told)}
    return shop.succeed("provision", tags="metrics", app_metrics=metrics)


def test_host_is_measured(shop: Shop, prometheus: Prometheus) -> None:
    until(lambda: prometheus.value('up{job="asgi_fleet_host"}') == 1, "the host's exporter")
    memory = int(shop.shell("awk '/^MemTotal:/ {print $2}' /proc/meminfo")) * 1024
    assert prometheus.value("node_memory_MemTotal_bytes") == memory
    # The root of a container is an overlay, which the exporter leaves out.
    assert prometheus.value("count(node_filesystem_avail_bytes)") >= 1


def test_requests_to_nginx_are_counted(shop: Shop, prometheus: Prometheus) -> None:
    until(lambda: prometheus.value("nginx_up") == 1, "nginx's exporter")
    before = prometheus.value("nginx_http_requests_total")
    assert set(ask(shop, "/whoami", 300)) == {200}
    until(
        lambda: prometheus.value("nginx_http_requests_total") >= before + 300,
        "300 requests more",
    )


def test_nobody_outside_reaches_them_but_by_the_endpoint(
    shop: Shop, prometheus: Prometheus
) -> None:
    assert listening(shop) == {f"127.0.0.1:{port}" for port in PORTS.values()}
    address = shop.shell("systemctl show -p Listen --value shop-metrics.socket").split(":")[0]
    for port in PORTS.values():
        asked = f"curl -sS -m 5 http://{address}:{port}/metrics 2>&1; echo $?"
        # Refused by the kernel, or dropped by the firewall.
        assert prometheus.run(asked).split()[-1] in ("7", "28")


def test_alert_fires_for_a_reboot_that_waits(shop: Shop, prometheus: Prometheus) -> None:
    collect = "systemctl start prometheus-node-exporter-apt.service"
    shop.shell(f"touch /run/reboot-required && {collect}")
    try:
        until(lambda: "RebootWaits" in prometheus.firing(), "the alert")
    finally:
        shop.shell(f"rm -f /run/reboot-required && {collect}")
    until(lambda: "RebootWaits" not in prometheus.firing(), "the end of the alert")


def test_what_another_application_passes_on_stays(shop: Shop) -> None:
    passed = json.dumps({"exporters": {"nginx": "127.0.0.1:9113"}})
    shop.shell(f"mkdir {OTHER.rpartition('/')[0]} && echo '{passed}' > {OTHER}")
    try:
        without(shop)
        assert states(shop) == ["inactive", "disabled", "active", "enabled"]
        assert listening(shop) == {"127.0.0.1:9112", "127.0.0.1:9113"}
    finally:
        shop.shell(f"rm -r {OTHER.rpartition('/')[0]}")
    without(shop)
    assert states(shop) == ["inactive", "disabled"] * 2
    assert (listening(shop), left(shop)) == (set(), "")
    assert re.search(r"metered +: ok=\d+ +changed=0 ", without(shop))


def test_exporter_of_somebody_else_is_used_and_not_changed(shop: Shop) -> None:
    shop.shell(f"systemctl enable --quiet --now {UNITS[0]}")
    without(shop, "host")
    address = shop.shell("systemctl show -p Listen --value shop-metrics.socket").split()[0]
    assert "node_load1 " in shop.shell(f"curl -sS -m 20 http://{address}/metrics/host")
    assert left(shop) == ""
    shop.shell(f"systemctl stop {UNITS[0]}")
    told = shop.play(
        "provision",
        tags="metrics",
        app_metrics={"enabled": True, "exporters": ["host"]},
    )
    assert told.returncode != 0
    assert "somebody else has set up an exporter on this host already" in told.stdout
    shop.shell(f"systemctl disable --quiet {UNITS[0]}")


def test_they_come_back_and_a_second_run_changes_nothing(shop: Shop) -> None:
    shop.succeed("provision", tags="metrics")
    assert listening(shop) == {f"127.0.0.1:{port}" for port in PORTS.values()}
    assert states(shop) == ["active", "enabled"] * 2
    again = shop.succeed("provision", tags="metrics")
    assert re.search(r"metered +: ok=\d+ +changed=0 ", again)
