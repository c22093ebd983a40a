"""What the workers do: each job writes its number when it starts and when it ends."""

import os
import time

from celery import Celery
from redis import Redis

database = Redis.from_url(os.environ["REDIS_URL"])
app = Celery("tasks", broker=os.environ["REDIS_URL"])


@app.task(ignore_result=True)
def work(number: int) -> None:
    """Take a moment, and some take longer than a worker may wait for none."""
    database.rpush("started", number)
    time.sleep(3 if number % 20 == 0 else 0.05)
    database.rpush("ended", number)
