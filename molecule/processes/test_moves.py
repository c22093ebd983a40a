"""What runs once in a fleet moves with the playbooks that take its host out of traffic."""

from __future__ import annotations

import time

from events import Shop
from queues import Queue, events, names, pid, slot

TOLD = "{} runs what runs once in the fleet now"


def runs_on(shop: Shop, queue: Queue, holder: str) -> None:
    """Assert that it runs on one of the hosts alone, beside the workers of both."""
    for host in ("queue1", "queue2"):
        queue.settled(names(slot(shop, host), scheduler=host == holder), host)
        assert queue.enabled(host) == queue.running(host)


def last(shop: Shop, what: str, host: str, since: float) -> float:
    """When a scheduler of a host has last started or stopped (Unix time)."""
    found = events(shop, since, host)
    return max(one.at for one in found if one.what == what and "-scheduler-" in one.unit)


def test_drain_moves_it_and_undrain_leaves_it_there(shop: Shop, queue: Queue) -> None:
    runs_on(shop, queue, "queue1")
    drained = time.time()
    assert TOLD.format("queue2") in shop.succeed("drain", limit="queue1", drain_seconds=5)
    runs_on(shop, queue, "queue2")
    # Both hosts have the clock of this machine.
    assert last(shop, "stopped", "queue1", drained) < last(shop, "started", "queue2", drained)
    # A release leaves it where it is, also while the first of the inventory is drained.
    shop.variables["app_source"] = queue.version()
    shop.succeed("release")
    runs_on(shop, queue, "queue2")
    shop.succeed("undrain", limit="queue1")
    runs_on(shop, queue, "queue2")
    shop.succeed("verify")


#: A library of OpenSSL as an update leaves it: the same name, and another file.
REPLACE = """
library=$(ldconfig -p | sed -n 's/.*libssl.so.3 .*=> //p' | head -1)
cp --preserve "$library" "$library.new" && mv "$library.new" "$library"
"""


def test_patch_starts_processes_anew_that_run_on_replaced_files(shop: Shop, queue: Queue) -> None:
    unit = f"shop@{slot(shop, 'queue1')}-worker-1.service"
    shop.shell(REPLACE)
    assert f"{unit} still runs on replaced files: libssl.so.3" in shop.play("verify").stdout
    before = pid(shop, unit)
    shop.succeed("patch", limit="queue1", patch_reboot="never", drain_seconds=5)
    assert pid(shop, unit) not in (before, "0")
    assert "replaced files" not in shop.play("verify").stdout
    runs_on(shop, queue, "queue2")


def test_patch_moves_it_before_it_restarts_its_host(shop: Shop, queue: Queue) -> None:
    told = shop.succeed("patch", patch_reboot="always", drain_seconds=5)
    # queue1 was patched first and had nothing to give.
    assert TOLD.format("queue1") in told
    assert TOLD.format("queue2") not in told
    runs_on(shop, queue, "queue1")


def test_remove_moves_it_and_leaves_nothing_behind(shop: Shop, queue: Queue) -> None:
    assert TOLD.format("queue2") in shop.succeed("remove", remove="shop", limit="queue1")
    left = shop.shell("ls -d /etc/systemd/system/shop@* /run/shop* 2>/dev/null; true")
    assert left == ""
    expected = names(slot(shop, "queue2"))
    assert queue.running("queue2") == queue.enabled("queue2") == expected
