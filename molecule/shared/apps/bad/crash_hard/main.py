"""Imports well, then dies at start without a word."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """End the process as a crash in C code would: no exception, no log."""
    os._exit(1)
    yield  # unreachable, yet what makes this function a generator


async def healthz(_: Request) -> JSONResponse:
    """Answer which release and slot serve; never reached."""
    return JSONResponse(
        {
            "release": os.environ.get("FLEET_RELEASE", "none"),
            "slot": os.environ.get("FLEET_SLOT", "none"),
        }
    )


app = Starlette(routes=[Route("/healthz", healthz)], lifespan=lifespan)
