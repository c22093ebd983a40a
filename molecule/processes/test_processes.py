"""A queue over releases, rollbacks, bad releases, kills and a reboot: each job runs once.

The tests run in their order; those of the other files begin where these have ended.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

import yaml
from events import Shop
from queues import Queue, names, pid, slot

#: Fewer while one develops.
RELEASES = int(os.environ.get("QUEUE_RELEASES", "10"))

INVENTORY = Path(__file__).parent / "inventory/hosts.yml"
PROCESSES = yaml.safe_load(INVENTORY.read_text("utf-8"))["app"]["vars"]["app_processes"]


def test_processes_run_and_start_at_boot_in_the_live_slot_alone(shop: Shop, queue: Queue) -> None:
    for host, scheduler in (("queue1", True), ("queue2", False)):
        expected = names(slot(shop, host), scheduler=scheduler)
        assert queue.running(host) == queue.enabled(host) == expected


def test_ten_releases_and_a_rollback_lose_no_job_and_run_none_twice(
    shop: Shop, queue: Queue
) -> None:
    began = time.monotonic()
    with queue.load():
        for _ in range(RELEASES):
            shop.variables["app_source"] = queue.version()
            shop.succeed("release", limit="queue1")
        shop.succeed("rollback", limit="queue1")
        time.sleep(2)
    queue.judge()
    print(f"{len(queue.enqueued)} jobs in {time.monotonic() - began:.0f} s")
    assert len(queue.enqueued) > 50 * RELEASES
    # The first deploy, the releases and the rollback.
    assert len(queue.redis("lrange", "scheduled_by", "0", "-1")) == RELEASES + 2
    queue.settled(names(slot(shop)))
    assert queue.enabled() == names(slot(shop))


def test_a_release_whose_worker_dies_is_refused_and_the_old_workers_go_on(
    shop: Shop, queue: Queue
) -> None:
    before = {unit: pid(shop, unit) for unit in names(slot(shop))}
    queue.enqueued.clear()
    with queue.load():
        bad = queue.version(worker="raise RuntimeError('the queue has no name')")
        told = shop.refuse("release", app_source=bad, limit="queue1")
    queue.wait_done()
    assert "worker-1.service did not stay up" in told or "worker-2.service did not stay up" in told
    assert "RuntimeError: the queue has no name" in told
    assert {unit: pid(shop, unit) for unit in names(slot(shop))} == before
    assert queue.running() == queue.enabled() == names(slot(shop))
    assert queue.failed == []
    assert set(queue.enqueued) <= set(queue.jobs("ended"))


def test_a_bad_scheduler_gives_way_to_the_old_one_again(shop: Shop, queue: Queue) -> None:
    bad = queue.version(scheduler="raise SystemExit(3)")
    # It begins with an error: what is at its end would come after the signal.
    path = shop.folder / f"queue-{queue.versions}" / "scheduler.py"
    path.write_text(f"raise SystemExit(3)\n{path.read_text('utf-8')}", encoding="utf-8")
    told = shop.refuse("release", app_source=bad, limit="queue1")
    assert "scheduler-1.service did not stay up" in told
    queue.settled(names(slot(shop)))
    assert queue.redis("lrange", "not_alone", "0", "-1") == []


def test_another_count_is_a_cut_over_and_takes_units_away(shop: Shop, queue: Queue) -> None:
    processes = json.loads(json.dumps(PROCESSES))
    processes[0]["count"] = 1
    told = shop.succeed("release", app_processes=processes, limit="queue1")
    assert "processes" in told or slot(shop)
    queue.settled(names(slot(shop), workers=1))
    shop.succeed("release", limit="queue1")
    queue.settled(names(slot(shop)))


def test_a_killed_worker_is_started_anew(shop: Shop, queue: Queue) -> None:
    unit = f"shop@{slot(shop)}-worker-1.service"
    killed = pid(shop, unit)
    shop.shell(f"kill -KILL {killed}")
    deadline = time.monotonic() + 20
    while pid(shop, unit) in ("0", killed) and time.monotonic() < deadline:
        time.sleep(0.5)
    queue.settled(names(slot(shop)))


def test_operator_sees_them(shop: Shop) -> None:
    assert "queue1: processes 3/3" in shop.succeed("status")
    assert "queue2: processes 2/2" in shop.succeed("status")
    # queue2 is still on the first release, and verify.yml would say so.
    shop.succeed("verify", limit="queue1")
    told = shop.succeed("logs", logs_process="worker", limit="queue1")
    assert re.search(r"queue1 (blue|green) worker-[12]: .*(started|Starting worker|work\()", told)
    assert "scheduler-1:" not in told
    unit = f"shop@{slot(shop)}-worker-2.service"
    shop.shell(f"systemctl stop {unit}")
    assert f"{unit} is not running (inactive)" in shop.play("verify", limit="queue1").stdout
    # A deploy without any other change starts it again.
    shop.succeed("release", limit="queue1")
    assert pid(shop, unit) != "0"


#: At the end of the worker: it ends at once while a file is there.
FRAGILE = """
from pathlib import Path
if Path(os.environ["STATE_DIRECTORY"], "broken").exists():
    raise RuntimeError("the queue has gone")
"""


def test_operator_sees_a_worker_that_ends_again_and_again(shop: Shop, queue: Queue) -> None:
    shop.succeed("release", app_source=queue.version(worker=FRAGILE), limit="queue1")
    unit = f"shop@{slot(shop)}-worker-1.service"
    shop.shell(f"touch /var/lib/shop/state/broken; systemctl restart {unit}")
    deadline = time.monotonic() + 60
    restarts = f"systemctl show --property=NRestarts --value {unit}"
    while int(shop.shell(restarts)) < 3 and time.monotonic() < deadline:
        time.sleep(0.5)
    # It also runs at times, until it has imported what is broken.
    loops = rf"{unit} was started anew \d+ times"
    assert re.search(rf"queue1: processes [23]/3: {loops}", shop.succeed("status"))
    verified = shop.play("verify", limit="queue1")
    assert verified.returncode != 0
    assert re.search(loops, verified.stdout), verified.stdout[-3000:]
    told = shop.succeed("logs", logs_process="worker", limit="queue1")
    assert "worker-1: RuntimeError: the queue has gone" in told
    # It comes back by itself, as after a queue that was away.
    shop.shell("rm /var/lib/shop/state/broken")
    time.sleep(4)
    queue.settled(names(slot(shop)))


def test_a_restart_of_the_host_starts_those_of_the_live_slot(shop: Shop, queue: Queue) -> None:
    shop.shell("systemctl reboot", check=False)
    time.sleep(5)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            shop.shell("systemctl is-system-running --wait", check=False)
            if queue.running() == names(slot(shop)):
                break
        except (AssertionError, ValueError, subprocess.SubprocessError):
            pass
        time.sleep(1)
    queue.settled(names(slot(shop)))
