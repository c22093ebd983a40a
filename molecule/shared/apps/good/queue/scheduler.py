"""What must run once: it notes each time that it was not alone."""

import asyncio
import os
import signal

from arq import create_pool
from arq.connections import RedisSettings


async def main() -> None:
    """Be the only one, until a signal comes."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, ended.set)
    redis = await create_pool(RedisSettings.from_dsn(os.environ["REDIS_URL"]))
    if await redis.incr("schedulers") > 1:
        await redis.rpush("not_alone", os.environ["FLEET_RELEASE"])
    await redis.rpush(
        "scheduled_by", f"{os.environ['FLEET_RELEASE']} {os.environ['FLEET_PROCESS']}"
    )
    await ended.wait()
    # It takes its time to end, as one does that finishes what it has begun.
    await asyncio.sleep(1)
    await redis.decr("schedulers")
    await redis.aclose()


asyncio.run(main())
