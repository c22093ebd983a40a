"""An API that gives its work to a queue, and tells what came of it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from arq import create_pool
from arq.connections import RedisSettings
from fastapi import FastAPI, Request


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold a connection to the queue."""
    app.state.queue = await create_pool(RedisSettings.from_dsn(os.environ["REDIS_URL"]))
    yield
    await app.state.queue.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer which release and slot serve."""
    return {"release": os.environ["FLEET_RELEASE"], "slot": os.environ["FLEET_SLOT"]}


@app.post("/jobs")
async def enqueue(request: Request) -> dict[str, int]:
    """Enqueue a job and answer with its number."""
    queue = request.app.state.queue
    number = await queue.incr("jobs")
    await queue.enqueue_job("work", number)
    return {"job": number}
