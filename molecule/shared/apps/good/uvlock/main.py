"""Dependencies locked in uv.lock, which make_lock.sh makes."""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def healthz(_: Request) -> JSONResponse:
    """Answer which release and slot serve."""
    return JSONResponse(
        {
            "release": os.environ.get("FLEET_RELEASE", "none"),
            "slot": os.environ.get("FLEET_SLOT", "none"),
        }
    )


app = Starlette(routes=[Route("/healthz", healthz)])
