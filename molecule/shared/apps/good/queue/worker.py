"""The worker of the queue: each job writes its number when it starts and when it ends."""

import asyncio
import os
from typing import Any, ClassVar

from arq.connections import RedisSettings


async def work(context: dict[str, Any], number: int) -> None:
    """Take a moment, as a mail or an invoice does."""
    await context["redis"].rpush("started", number)
    await asyncio.sleep(0.05 + number % 20 / 10)
    await context["redis"].rpush("ended", number)


class WorkerSettings:
    """What arq reads."""

    functions: ClassVar = [work]
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    max_jobs = 20
    poll_delay = 0.1
    keep_result = 0
    # A job whose worker was killed is taken up again after ten seconds more than this.
    job_timeout = 10
    # What is running when the signal to stop comes is finished: stop_timeout must be longer.
    job_completion_wait = 15
