"""Importing once for all workers: what it saves, and what it refuses."""

from __future__ import annotations

import json

from events import Shop

#: The memory of a slot in kB, of its master and its workers, shared pages divided among them; each
#: worker has answered requests before.
PSS = """
for _ in $(seq 400); do curl --silent --output /dev/null --unix-socket /var/lib/shop/live.sock \
  http://shop.example.com/whoami; done
slot=$(basename $(readlink /var/lib/shop/live.sock) .sock)
master=$(systemctl show -P MainPID shop@$slot.service)
for pid in $master $(cat /proc/$master/task/$master/children); do
  awk '/^Pss:/ {print $2}' /proc/$pid/smaps_rollup
done
"""
THREAD = """
import threading, time
def poll():
    time.sleep(3600)
threading.Thread(target=poll, name="poller", daemon=True).start()
"""
LOOP = """
import asyncio
loop = asyncio.new_event_loop()
"""


def held(shop: Shop) -> list[int]:
    found = [int(line) for line in shop.shell(PSS).split()]
    assert len(found) == 5, found
    return found


def test_four_workers_of_the_sample_take_a_quarter_less(shop: Shop) -> None:
    before = held(shop)
    shop.variables["app_preload"] = True
    shop.succeed("deploy")
    after = held(shop)
    saved = 1 - sum(after) / sum(before)
    told = {"before_kb": before, "after_kb": after, "saved_percent": round(100 * saved)}
    print(json.dumps(told))
    assert saved >= 0.25, told
    # Nothing differs from the inventory then.
    assert "changed=0" in shop.succeed("deploy")


def test_thread_of_an_import_is_refused_by_name(shop: Shop) -> None:
    told = shop.refuse(
        "release",
        "crashed at start (exit status 3)",
        "app_preload is true, and the import leaves the running thread poller (main.poll)",
        "make it in the application's lifespan, or set app_preload: false",
        app_source=shop.new_version(THREAD),
    )
    assert "Release 1.0.0-" in told


def test_event_loop_of_an_import_is_told(shop: Shop) -> None:
    shop.variables["app_source"] = shop.new_version(LOOP)
    told = shop.succeed("release")
    assert "app_preload is true, and the import leaves an event loop (asyncio.unix_events." in told
