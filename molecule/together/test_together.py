"""Everything that an application may run at once, over releases, a recycle and a rollback."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise

from events import Shop
from queues import Queue
from recorder import overlaps, runs

RELEASES = 2
PATIENCE = 60
REQUESTS = re.compile(r'^asgi_fleet_requests_total\{.*route="/jobs".*status="2xx".*\} (\d+)$', re.M)


def setting(shop: Shop, name: str, value: int) -> None:
    """Change what the host's timer reads, below what a user may set."""
    shop.shell(f'sed -i \'s/"{name}": [0-9]*/"{name}": {value}/\' /etc/shop/recycle.json')


def recycles(shop: Shop) -> int:
    return int(shop.shell("grep -c recycled /var/lib/shop/activations.jsonl", check=False) or 0)


def test_nothing_is_lost_of_all_that_runs(shop: Shop, queue: Queue) -> None:
    with queue.load():
        for _ in range(RELEASES):
            shop.variables["app_source"] = queue.version()
            shop.succeed("release")
        setting(shop, "after_seconds", 1)
        deadline = time.monotonic() + PATIENCE
        while not recycles(shop):
            assert time.monotonic() < deadline, "a recycle by age"
            time.sleep(0.5)
        setting(shop, "after_seconds", 43200)
        shop.succeed("rollback")
        time.sleep(6)
    queue.wait_done()
    started, ended = queue.jobs("started"), queue.jobs("ended")
    told = {"requests": len(queue.enqueued), "jobs": len(ended), "recycles": recycles(shop)}
    print(json.dumps(told))
    assert queue.failed == []
    assert set(queue.enqueued) - set(ended) == set()
    assert [number for number, count in (started | ended).items() if count > 1] == []
    assert queue.redis("lrange", "not_alone", "0", "-1") == []
    # Counted without a change to the application, over all of that.
    told_by_metrics = REQUESTS.findall(shop.shell("curl --silent http://127.0.0.1:9464/metrics"))
    assert sum(map(int, told_by_metrics)) == len(queue.enqueued), told_by_metrics


def test_timers_ran_once_and_in_one_release_at_a_time(shop: Shop) -> None:
    ticks, long = (runs(shop, name, shop.hosts[0]) for name in ("tick", "long"))
    assert overlaps(ticks) == overlaps(long) == []
    assert len({run.release for run in long}) == RELEASES + 1
    elapses = [int(run.began // 5) for run in long]
    assert all(after == before + 1 for before, after in pairwise(elapses)), elapses


def test_each_migration_had_a_backup_that_can_be_read(shop: Shop) -> None:
    record = json.loads(shop.shell("cat /var/lib/shop/backup.json"))
    assert record["good"]["good"] is True
    migrated = shop.shell("cat /var/lib/shop/state/migrated").splitlines()
    assert len(migrated) == RELEASES + 1


def test_fleet_is_found_well_and_a_second_run_changes_nothing(shop: Shop) -> None:
    shop.succeed("verify")
    # The release that is live again after the rollback is the one before the last.
    first = next(path for path in sorted(shop.folder.glob("queue-*")))
    shop.variables["app_source"] = {"type": "path", "path": str(first)}
    told = shop.succeed("deploy")
    assert re.findall(r"^TASK \[([^\]]+)\] \**\n(?:ok: .*\n)*changed: ", told, re.M) == []
    assert "changed=0" in told
