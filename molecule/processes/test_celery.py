"""The same with Celery: SIGTERM has its workers finish their jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from events import Shop
from queues import Queue

MAILS = {
    "name": "mails",
    "command": "celery --app tasks worker --loglevel INFO --concurrency 4",
    "count": 2,
    "stop_timeout": 60,
}


@pytest.fixture
def celery(shop: Shop) -> Iterator[Queue]:
    """The queue of `queue1`, of an application with Celery."""
    queue = Queue(shop, "celery")
    before = dict(shop.variables)
    shop.variables |= {"app_source": queue.version(), "app_processes": [MAILS]}
    shop.succeed("release", limit="queue1")
    queue.forget()
    yield queue
    shop.variables.clear()
    shop.variables |= before
    # For the tests that follow, which look for the other application's processes.
    shop.succeed("release", limit="queue1")


def test_releases_and_a_rollback_lose_no_job_of_celery_and_run_none_twice(
    shop: Shop, celery: Queue
) -> None:
    began = time.monotonic()
    with celery.load():
        for _ in range(2):
            shop.variables["app_source"] = celery.version()
            shop.succeed("release", limit="queue1")
        shop.succeed("rollback", limit="queue1")
        time.sleep(2)
    celery.judge()
    print(f"{len(celery.enqueued)} jobs of Celery in {time.monotonic() - began:.0f} s")
    assert len(celery.enqueued) > 100
    live = shop.live().split()[0]
    celery.settled({f"shop@{live}-mails-{number}.service" for number in (1, 2)})
