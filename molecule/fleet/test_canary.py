"""Gradual traffic: the canary of a rollout gets a share of the requests while it soaks."""

from __future__ import annotations

import re
import signal
import subprocess
import time

from events import Load, Shop

HOSTS = ("fleet-app1", "fleet-app2", "fleet-app3", "fleet-app4")
CANARY = HOSTS[0]


def test_canary_gets_its_share_of_the_requests(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.variables["app_source"] = shop.new_version()
    process = subprocess.Popen(
        shop.command("release", fleet_canary_percent=5, fleet_soak_seconds=15),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = ""
    counts: list[dict[str, int]] = []
    for line in process.stdout:
        told += line
        # While it soaks on the new release, and before it gets more.
        if "TASK [wave_soak | Wait" in line and not counts:
            counts.append(answered(shop))
            time.sleep(12)
            counts.append(answered(shop))
    assert process.wait() == 0, told[-6000:]
    assert "fleet-balancer: shop: fleet-app1 gets 5.1 % of the requests instead of 25 %" in told
    assert told.count("fleet-balancer: shop/fleet-app1 gets the full share of the requests") == 1
    some = {host: counts[1][host] - counts[0][host] for host in HOSTS}
    share = 100 * some[CANARY] / sum(some.values())
    print(f"the canary got {share:.1f} % of {sum(some.values())} requests")
    assert sum(some.values()) > 500
    assert 3 < share < 8
    assert lowered_servers(shop) == []
    assert load.failures(since=began) == []


def answered(shop: Shop) -> dict[str, int]:
    """How many requests each host has answered, by HAProxy's own count."""
    told = shop.shell(
        "curl -s http://127.0.0.1:8404/metrics | grep haproxy_server_http_responses_total",
        "fleet-balancer",
    )
    found = re.findall(r'server="(\S+?)",code="2xx"\} (\d+)', told)
    return {host: int(count) for host, count in found}


def lowered_servers(shop: Shop) -> list[str]:
    """The servers that have another weight than that of the configuration, and open timers."""
    ask = "import socket; s=socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); "
    ask += "s.sendall(b'show servers state\\n'); print(s.makefile().read())"
    told = shop.shell(f'python3 -c "{ask}"', "fleet-balancer")
    rows = [line.split() for line in told.splitlines() if " shop " in line]
    timers = shop.shell("systemctl list-timers --no-legend 'haproxy-canary-*'", "fleet-balancer")
    return [row[3] for row in rows if row[7] != row[8]] + timers.split()[-1:]


def test_interrupted_canary_is_ended_by_the_balancer(shop: Shop, load: Load) -> None:
    began = time.time()
    process = subprocess.Popen(
        shop.command("release", app_source=shop.new_version(), fleet_canary_percent=5),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "TASK [wave_soak | Wait" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert lowered_servers(shop) == [CANARY, "haproxy-canary-shop.service"]
    # What the timer starts when its time has come.
    shop.shell("systemctl start haproxy-canary-shop.service", "fleet-balancer")
    shop.shell("systemctl stop haproxy-canary-shop.timer", "fleet-balancer")
    assert lowered_servers(shop) == []
    shop.succeed("release", fleet_take_over_lock=True)
    assert load.failures(since=began) == []
