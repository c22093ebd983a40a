"""What a host runs short of, and what dies or stops on it: the old release serves.

The tests run in their order on one host, and each leaves it as it was. Each reads the end of what
the run has printed, as an operator does: what happened, and what to do next.
"""

from __future__ import annotations

import subprocess
import time

import pytest
from events import Load, Shop
from runs import (
    SLOW_START,
    another_lock,
    converge,
    fails,
    refused,
    small_disk,
    starting,
    wait_for_drain,
)

#: At most one request on each of the generator's connections.
CONNECTIONS = 16
#: A version with a leak that can be triggered.
LEAKING = """
from starlette.responses import PlainTextResponse
from starlette.routing import Route

_leaked = []

async def leak(request):
    while True:
        _leaked.append(b"x" * (16 << 20))

app.router.routes.insert(0, Route("/leak", leak))
"""


def test_killed_nginx_is_back_in_seconds(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.shell("systemctl kill --signal=KILL nginx.service")
    time.sleep(5)
    failures = load.failures(since=began)
    last = max((event["time"] - began for event in failures), default=0)
    print(f"nginx killed: {len(failures)} failed, the last after {last:.1f} s")
    assert last < 4
    assert shop.ask("/healthz")


def test_stopped_worker_is_replaced(shop: Shop, load: Load) -> None:
    began = time.time()
    pid = shop.ask("/whoami")["pid"]
    shop.shell(f"kill -STOP {pid}")
    gone = f"timeout 40 sh -c 'while kill -0 {pid} 2>/dev/null; do sleep 0.2; done'"
    shop.shell(gone)
    seconds = time.time() - began
    failures = load.failures(since=began)
    print(f"stopped worker: replaced after {seconds:.1f} s, {len(failures)} failed")
    # Only what it had begun to serve.
    assert len(failures) <= CONNECTIONS
    time.sleep(3)
    assert "2 of 2" in shop.succeed("status")


def test_stopped_master_keeps_serving_and_is_replaced(shop: Shop, load: Load) -> None:
    began = time.time()
    slot = shop.live().split()[0]
    shop.shell(f"kill -STOP $(systemctl show -P MainPID shop@{slot}.service)")
    time.sleep(3)
    assert load.failures(since=began) == []
    shop.variables["app_source"] = shop.new_version()
    converge(shop)
    wait_for_drain(shop)
    assert load.failures(since=began) == []


@pytest.mark.parametrize("inodes", [0, 300], ids=["bytes", "inodes"])
def test_release_on_a_full_opt_is_refused(shop: Shop, load: Load, inodes: int) -> None:
    """A copied environment, and one that uv installs."""
    began = time.time()
    source = another_lock(shop) if inodes else shop.new_version()
    folders = shop.shell("ls /opt/shop/releases")
    with small_disk(shop, "/opt/shop/releases", "200M" if inodes else "20M", inodes):
        refused(shop, "No space left on device", "df -h", app_source=source)
        assert shop.shell("ls /opt/shop/releases") == folders
    shop.variables["app_source"] = source
    shop.succeed("release")
    assert load.failures(since=began) == []


def test_release_with_a_full_cache_is_refused(shop: Shop, load: Load) -> None:
    began = time.time()
    folders = shop.shell("ls /opt/shop/releases")
    shop.shell("""
        mount -t tmpfs -o size=4m tmpfs /var/cache/shop-build
        echo shop > /var/cache/shop-build/.asgi.fleet
        """)
    try:
        refused(shop, "No space left on device", "df -h", app_source=another_lock(shop))
    finally:
        shop.shell("umount /var/cache/shop-build")
    assert shop.shell("ls /opt/shop/releases") == folders
    assert load.failures(since=began) == []


def test_release_without_name_resolution(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.shell("cp /etc/resolv.conf /root/; echo nameserver 192.0.2.1 > /etc/resolv.conf")
    try:
        shop.variables["app_source"] = shop.new_version()
        started = time.time()
        shop.succeed("release")
        print(f"code alone, without names: {time.time() - started:.0f} s")
        source = another_lock(shop)
        shop.shell("mv /var/cache/shop-build /var/cache/away")
        started = time.time()
        told = ("the dependencies cannot be installed", "resolve", "/etc/resolv.conf")
        refused(shop, *told, app_source=source)
        assert time.time() - started < 90
    finally:
        shop.shell("cat /root/resolv.conf > /etc/resolv.conf")
        shop.shell("rm -rf /var/cache/shop-build; mv /var/cache/away /var/cache/shop-build")
    shop.variables["app_source"] = source
    shop.succeed("release")
    assert load.failures(since=began) == []


#: What uses up the file system of a folder, with the files of its own that are there.
FULL = """
    for name in activations.jsonl rollouts.jsonl; do
        size=$(stat -c %s $name); yes '' | head -c $((4096 - size % 4096)) >> $name
    done
    dd if=/dev/zero of=fill bs=4096 2>/dev/null || true
    test $(df --output=avail . | tail -1) = 0
    """
NO_INODES = """
    mkdir fill; cd fill; n=0
    while touch $n 2>/dev/null; do n=$((n + 1)); done
    """


@pytest.mark.parametrize("shortage", [FULL, NO_INODES], ids=["bytes", "inodes"])
def test_var_that_fills_up_in_mid_release_switches_nothing(
    shop: Shop, load: Load, shortage: str
) -> None:
    began = time.time()
    live = shop.live()
    source = shop.new_version(SLOW_START)
    with small_disk(shop, "/var/lib/shop", "1M", 100):
        with starting(shop, app_source=source) as process:
            shop.shell(f"cd /var/lib/shop; {shortage}")
            fails(shop, process, live, "No space left on device", "df -h")
        shop.shell("rm -r /var/lib/shop/fill")
        shop.succeed("release", app_source=source)
    assert load.failures(since=began) == []


def test_worker_over_its_memory_is_replaced(shop: Shop, load: Load) -> None:
    shop.variables["app_source"] = shop.new_version(LEAKING)
    shop.succeed("release", gunicorn_service_memory_max_mb=300)
    began = time.time()
    with pytest.raises(subprocess.CalledProcessError):
        shop.ask("/leak")
    time.sleep(4)
    failures = load.failures(since=began)
    print(f"worker over its memory: {len(failures)} failed")
    # Only what it had begun to serve.
    assert len(failures) <= CONNECTIONS
    told = shop.succeed("status")
    print(told[told.index("HOST") :])
    assert "2 of 2" in told
    shop.variables["app_source"] = shop.new_version()
    shop.succeed("release")
    assert len(load.failures(since=began)) == len(failures)
