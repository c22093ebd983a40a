"""What only a kernel of its own shows: cgroup v2, its limits, its packet filters, a real boot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from events import ROOT, Load, Shop

#: Requests a second, and seconds that one may take, on an emulated processor.
LIGHT, SLOW = 5, 60
#: A worker of a unit that may have half a gigabyte takes ever more, and writes to all of it.
HUNGRY = """
@app.get("/eat")
def eat() -> dict[str, int]:
    eaten = []
    while True:
        eaten.append(bytearray(b"x" * 2**24))
"""
#: Connects from the world of the service, which is the application's account in its sandbox.
REACHES = """
@app.get("/reaches")
def reaches(address: str, port: int) -> dict[str, str]:
    import socket
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError as error:
        return {"told": str(error)}
    return {"told": "reached"}
"""


@pytest.fixture(scope="module")
def hungry(shop: Shop) -> Iterator[Shop]:
    """A release that eats and connects when it is asked to; the sample comes back at the end."""
    shop.variables["app_source"] = shop.new_version(HUNGRY + REACHES)
    shop.succeed("release")
    yield shop
    shop.variables.pop("app_source")
    shop.succeed("release")


def slot_of(shop: Shop) -> str:
    """The unit of the live slot."""
    return f"shop@{shop.live().split()[0]}.service"


def asked(shop: Shop, module: str) -> dict[str, Any]:
    """What a module returns."""
    command = [*("ansible", "fleet-vm", "-m", module), *shop.command("status")[2:4]]
    environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    output = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    told: dict[str, Any] = json.loads(output.partition("=>")[2])
    return told


def test_machine_has_a_kernel_of_its_own_with_cgroup_v2_alone(shop: Shop) -> None:
    assert shop.shell("stat --file-system --format=%T /sys/fs/cgroup") == "cgroup2fs"
    assert shop.shell("systemd-detect-virt --container", check=False) == "none"
    kernels = shop.shell("uname -r"), subprocess.check_output(["uname", "-r"], text=True).strip()
    assert kernels[0] != kernels[1]
    print(f"kernel {kernels[0]}, {shop.shell('systemctl --version | head -1')}")


def test_plan_counts_what_cgroup_v2_leaves(shop: Shop) -> None:
    shop.shell("systemctl set-property --runtime system.slice CPUQuota=100% MemoryMax=1200M")
    try:
        told = asked(shop, "asgi.fleet.host_capacity")["capacity"]
    finally:
        shop.shell("systemctl revert system.slice; systemctl daemon-reload")
    assert told == {
        "cores": 1,
        "cores_source": "/sys/fs/cgroup/system.slice/cpu.max",
        "memory_bytes": 1200 * 2**20,
        "memory_source": "/sys/fs/cgroup/system.slice/memory.max",
    }


def test_release_under_light_load_loses_nothing(shop: Shop) -> None:
    load = Load(shop, LIGHT, SLOW)
    load.start()
    began, before = time.time(), shop.live()
    try:
        shop.variables["app_source"] = shop.new_version()
        shop.succeed("release")
        assert shop.live() != before
        assert load.failures(since=began) == []
    finally:
        shop.variables.pop("app_source")
        lap = load.end()
    print(f"release: {lap}")
    assert lap["failed"] == 0
    assert lap["requests"] > 0


def test_sandbox_scores_at_most_one_and_a_half(shop: Shop) -> None:
    told = shop.shell(f"systemd-analyze security --no-pager {slot_of(shop)} | tail -n 1")
    score = re.search(r"level for [^:]+: ([0-9.]+)", told)
    assert score is not None, told
    print(told)
    assert float(score[1]) <= 1.5


def test_kernel_keeps_to_the_memory_of_the_plan(hungry: Shop) -> None:
    unit = slot_of(hungry)
    group = (
        f"/sys/fs/cgroup{hungry.shell(f'systemctl show --property=ControlGroup --value {unit}')}"
    )
    limit = int(hungry.shell(f"cat {group}/memory.max"))
    assert limit == int(hungry.shell(f"systemctl show --property=MemoryMax --value {unit}"))
    killed = int(hungry.shell(f"awk '$1 == \"oom_kill\" {{print $2}}' {group}/memory.events"))
    with pytest.raises(subprocess.CalledProcessError):
        hungry.ask("/eat")
    end = time.monotonic() + 120
    while time.monotonic() < end:
        now = hungry.shell(f"awk '$1 == \"oom_kill\" {{print $2}}' {group}/memory.events")
        if int(now) > killed:
            break
        time.sleep(2)
    else:
        pytest.fail(f"nothing was killed at {limit} bytes")
    print(f"memory.max {limit}, peak {hungry.shell(f'cat {group}/memory.peak')}, oom_kill {now}")
    # The worker alone: its master has replaced it, and nobody else was hit.
    assert hungry.shell(f"systemctl is-active {unit} nginx ssh") == "active\nactive\nactive"
    assert hungry.ask("/whoami")["release"] == hungry.live().split()[1]


def test_verify_reports_the_kill(hungry: Shop) -> None:
    told = hungry.play("verify")
    assert told.returncode != 0
    assert "app_worker_memory_mb" in told.stdout, told.stdout[-3000:]


def test_kernel_drops_what_the_sandbox_forbids(hungry: Shop) -> None:
    hungry.shell(
        "ip address add 169.254.169.254/32 dev lo 2> /dev/null;"
        " systemd-run --quiet --unit=victim python3 -m http.server 8909"
    )
    try:
        address = hungry.shell("hostname -I").split()[0]
        assert hungry.ask(f"/reaches?address={address}&port=8909")["told"] == "reached"
        for closed in ("127.0.0.1", "169.254.169.254"):
            told = hungry.ask(f"/reaches?address={closed}&port=8909")["told"]
            assert "timed out" in told, (closed, told)
    finally:
        hungry.shell("systemctl stop victim; ip address delete 169.254.169.254/32 dev lo")


def test_firewall_closes_what_nobody_serves(shop: Shop) -> None:
    assert "Status: active" in shop.shell("ufw status")
    shop.shell("systemd-run --quiet --unit=open python3 -m http.server 9000")
    try:
        inside = "curl --silent --max-time 20 --output /dev/null --write-out %{http_code} "
        assert shop.shell(f"sleep 3; {inside} http://127.0.0.1:9000/") == "200"
        outside = f"http://127.0.0.1:{shop.port + 1000}/"
        told = subprocess.run(
            [*inside.split(), outside], capture_output=True, text=True, check=False
        )
        assert told.stdout == "000"
        shop.shell("ufw allow 9000/tcp")
        told = subprocess.run(
            [*inside.split(), outside], capture_output=True, text=True, check=False
        )
        assert told.stdout == "200"
    finally:
        shop.shell("ufw delete allow 9000/tcp; systemctl stop open")


def test_rebooted_machine_serves_the_same_release(shop: Shop) -> None:
    before, boot = shop.live(), shop.shell("cat /proc/sys/kernel/random/boot_id")
    shop.shell("systemctl reboot", check=False)
    end = time.monotonic() + 600
    while time.monotonic() < end:
        time.sleep(5)
        told = subprocess.run(
            [*shop.ssh["fleet-vm"], "cat /proc/sys/kernel/random/boot_id"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        ).stdout.strip()
        if told not in ("", boot):
            break
    else:
        pytest.fail("it did not come back")
    while time.monotonic() < end:
        try:
            answer = shop.ask("/whoami")
            break
        except subprocess.CalledProcessError:
            time.sleep(3)
    assert answer["release"] == before.split()[1]
    assert answer["slot"] == before.split()[0]
    assert "Status: active" in shop.shell("ufw status")
