"""A queue over releases, rollbacks, bad releases, kills and a reboot: each job runs once.

The tests run in their order.
"""

from __future__ import annotations

import time

from events import Shop
from queues import Queue


def names(slot: str, *, workers: int = 2, scheduler: bool = True) -> set[str]:
    found = {f"shop@{slot}-worker-{number + 1}.service" for number in range(workers)}
    return found | ({f"shop@{slot}-scheduler-1.service"} if scheduler else set())


def slot(shop: Shop, host: str = "") -> str:
    return shop.live(host).split()[0]


def settled(queue: Queue, expected: set[str], seconds: float = 30) -> None:
    """What drains ends by itself: wait until only the expected units run."""
    deadline = time.monotonic() + seconds
    while queue.running() != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert queue.running() == expected


def test_processes_run_and_start_at_boot_in_the_live_slot_alone(shop: Shop, queue: Queue) -> None:
    for host, scheduler in (("queue1", True), ("queue2", False)):
        expected = names(slot(shop, host), scheduler=scheduler)
        assert queue.running(host) == queue.enabled(host) == expected


def test_ten_releases_and_a_rollback_lose_no_job_and_run_none_twice(
    shop: Shop, queue: Queue
) -> None:
    began = time.monotonic()
    with queue.load():
        for _ in range(10):
            shop.variables["app_source"] = queue.version()
            shop.succeed("release", limit="queue1")
        shop.succeed("rollback", limit="queue1")
        time.sleep(2)
    queue.wait_done()
    started, ended = queue.jobs("started"), queue.jobs("ended")
    print(f"{len(queue.enqueued)} jobs in {time.monotonic() - began:.0f} s")
    assert queue.failed == []
    assert len(queue.enqueued) > 500
    assert set(queue.enqueued) - set(ended) == set()
    assert [number for number, count in (started | ended).items() if count > 1] == []
    assert queue.redis("lrange", "not_alone", "0", "-1") == []
    # The first deploy, ten releases and a rollback.
    assert len(queue.redis("lrange", "scheduled_by", "0", "-1")) == 12
    settled(queue, names(slot(shop)))
    assert queue.enabled() == names(slot(shop))
