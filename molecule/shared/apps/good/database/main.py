"""An API with a pool of connections that is full from the start, as under a load of its own."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from psycopg_pool import AsyncConnectionPool

DATABASE = "host=/var/run/postgresql dbname=shop"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold as many connections as each worker may have."""
    size = int(os.environ["POOL"])
    async with AsyncConnectionPool(DATABASE, min_size=size, max_size=size, open=False) as pool:
        await pool.wait(timeout=10)
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
@app.get("/")
async def count(request: Request) -> dict[str, int]:
    """Ask the database."""
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute("select 1")
        return {"answer": (await cursor.fetchone())[0]}
