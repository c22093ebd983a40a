"""What happens to a fleet between its releases, under load: what it costs the visitors is counted.

The tests run in their order, after those of test_certificates.py. Each looks at what failed while
its event happened; the last one looks at the totals.
"""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest
from events import ROOT, Load, Shop
from fleet_hosts import releases, slots, table

HOSTS = ("upkeep-app1", "upkeep-app2", "upkeep-app3", "upkeep-app4")
CANARY, THIRD = HOSTS[0], HOSTS[2]
LAB = os.environ.get("FLEET_LAB", "")


def test_balancer_has_the_baseline_of_a_host(shop: Shop) -> None:
    told = shop.shell(
        "ufw status; systemctl is-enabled ufw unattended-upgrades;"
        " apt-config dump Unattended-Upgrade::Package-Blacklist",
        "upkeep-balancer",
    )
    rules = dict(re.findall(r"^(\d+)/tcp +(\w+) +Anywhere(?: .*)?$", told, re.MULTILINE))
    assert "Status: active" in told
    assert rules == {"22": "ALLOW", "80": "ALLOW", "443": "ALLOW"}
    assert told.count("\nenabled") == 2
    assert '"haproxy";' in told


def test_balancer_refuses_a_bad_configuration_and_reloads_a_good_one(
    shop: Shop, load: Load
) -> None:
    began = time.time()
    template = shop.folder / "haproxy_bad.cfg.j2"
    template.write_text(
        "{% extends 'haproxy.cfg.j2' %}{% block observe %}\nnonsense 1\n{% endblock %}\n"
    )
    before = shop.shell("cat /etc/haproxy/haproxy.cfg", "upkeep-balancer")
    result = shop.play("balancer", haproxy_balancer_template=str(template))
    assert result.returncode != 0
    assert "nonsense" in result.stdout
    assert shop.shell("cat /etc/haproxy/haproxy.cfg", "upkeep-balancer") == before
    assert load.failures(since=began) == []
    for connections in (4000, 8000):
        shop.succeed("balancer", haproxy_balancer_max_connections=connections)
    assert load.failures(since=began) == []


def test_drained_host_gets_nothing_and_comes_back(shop: Shop, load: Load) -> None:
    began = time.time()
    count = "wc -l < /var/log/nginx/shop.log; grep -c healthz /var/log/nginx/shop.log"
    told = shop.succeed("drain", limit=CANARY, drain_seconds=5)
    assert f"\n{CANARY}: drained at upkeep-balancer; " in told
    time.sleep(1)
    lines, checks = map(int, shop.shell(count, CANARY).split())
    time.sleep(5)
    later, later_checks = map(int, shop.shell(count, CANARY).split())
    assert later - lines == later_checks - checks
    told = shop.succeed("status", status_drift=False)
    assert re.search(rf"^{CANARY} .* 200 OK, drained at upkeep-balancer ", told, re.MULTILINE)
    told = shop.succeed("undrain", limit=CANARY)
    assert f"\n{CANARY}: returned to traffic at upkeep-balancer; it gets requests again" in told
    time.sleep(3)
    assert int(shop.shell(count, CANARY).split()[0]) > later + 50
    assert load.failures(since=began) == []


def test_patch_with_a_reboot_of_every_host_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    boot = "systemctl --no-pager show --property=UserspaceTimestampMonotonic --value"
    before = [shop.shell(boot, host) for host in HOSTS]
    live = slots(shop, HOSTS)
    # The balancer as well, whose reboot would lose requests: it is only upgraded.
    shop.succeed("patch", patch_reboot="always", drain_seconds=5)
    after = [shop.shell(boot, host) for host in HOSTS]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert slots(shop, HOSTS) == live
    assert load.failures(since=began) == []


def test_patch_stops_at_a_host_that_does_not_come_back(shop: Shop, load: Load) -> None:
    began = time.time()
    live = slots(shop, HOSTS)
    # Not read before the reboot, after which nginx does not start.
    shop.shell("echo 'broken;' > /etc/nginx/conf.d/broken.conf", THIRD)
    result = shop.play(
        "patch",
        limit=f"{THIRD},{HOSTS[3]}",
        patch_reboot="always",
        drain_seconds=5,
        app_health_timeout=20,
    )
    told = " ".join(result.stdout.split())
    assert result.returncode != 0, told[-6000:]
    assert "not healthy: nginx is not running; " in told
    assert f"{HOSTS[3]} : ok=4 " in told.replace("  ", " "), "the next host was touched"
    # Whoever goes on before it is mended is told so.
    told = " ".join(shop.play("patch", limit=HOSTS[3], app_health_timeout=20).stdout.split())
    assert f"shop/{THIRD} gets no traffic" in told
    # systemd tries nginx every second: a `start` may join a try that has read the broken file.
    shop.shell("rm /etc/nginx/conf.d/broken.conf; systemctl restart nginx", THIRD)
    shop.succeed("undrain", limit=THIRD)
    assert slots(shop, HOSTS) == live
    assert load.failures(since=began) == []


@pytest.mark.parametrize("on_failure", ["revert_all"])
def test_host_without_power_ends_the_rollout(shop: Shop, load: Load, on_failure: str) -> None:
    began = time.time()
    before = releases(shop, HOSTS)
    process = subprocess.Popen(
        shop.command("release", app_source=shop.new_version(), fleet_on_failure=on_failure),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "wave | Soak, then collect" in line:
            break
    # While the canary soaks; it is to be switched in the last wave.
    podman("kill", container(THIRD))
    podman("stop", "--time=1", container(THIRD))
    killed = time.time()
    lines += process.stdout.readlines()
    assert process.wait() != 0
    states = table("".join(lines), HOSTS)
    assert states[CANARY][1] == "reverted"
    assert states[THIRD][1] == "unreachable"
    alive = [host for host in HOSTS if host != THIRD]
    assert releases(shop, alive) == before[:3]
    failures = load.failures(since=began)
    print(f"{len(failures)} requests were lost with the host's power: {failures}")
    # No more than it was serving: at most one on each of the generator's connections.
    assert len(failures) <= 16
    assert all(failure["time"] - killed < 20 for failure in failures)
    # It comes back, and the next run brings it up to date.
    podman("start", container(THIRD))
    _wait_for(shop, THIRD)
    back = time.time()
    shop.variables["app_source"] = shop.new_version()
    shop.succeed("release")
    assert len(set(releases(shop, HOSTS))) == 1
    assert load.failures(since=back) == []


def _wait_for(shop: Shop, host: str) -> None:
    """Wait until a host has booted."""
    deadline = time.time() + 60
    while time.time() < deadline:
        state = shop.shell("systemctl is-system-running", host, check=False)
        if state in ("running", "degraded"):
            return
        time.sleep(1)
    raise AssertionError(f"{host} does not come back")


def podman(*arguments: str) -> None:
    """Run podman as the test hosts were made with it."""
    script = f'. {ROOT}/molecule/shared/env.sh && exec podman "$@"'
    subprocess.run(["bash", "-c", script, "podman", *arguments], check=True, capture_output=True)


def container(host: str) -> str:
    """The container that a host is."""
    return "-".join(filter(None, (LAB, host)))


def test_totals(shop: Shop, load: Load) -> None:
    load.end()
    print(f"playbooks: {len(shop.runs)}; {load.laps}")
    assert load.total("requests") >= 50_000
