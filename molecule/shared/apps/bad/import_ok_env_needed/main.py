"""Good with the variable REQUIRED in `app_env` or `app_secrets`; fails at start without it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Ask for what the application cannot do without."""
    if not os.environ.get("REQUIRED"):
        raise RuntimeError("REQUIRED is not set; set it in app_env")
    yield


async def healthz(_: Request) -> JSONResponse:
    """Answer which release and slot serve."""
    return JSONResponse(
        {
            "release": os.environ.get("FLEET_RELEASE", "none"),
            "slot": os.environ.get("FLEET_SLOT", "none"),
        }
    )


app = Starlette(routes=[Route("/healthz", healthz)], lifespan=lifespan)
