"""Imports well, then fails at start, and says why."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Fail as an application without its database does."""
    raise RuntimeError("cannot reach the database at db.example.com:5432")
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
