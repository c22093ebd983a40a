"""Starts for five seconds: no request may reach it sooner."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Take the time that loading a model or warming a cache would."""
    await asyncio.sleep(5)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer which release and slot serve."""
    return {
        "release": os.environ.get("FLEET_RELEASE", "none"),
        "slot": os.environ.get("FLEET_SLOT", "none"),
    }
