"""Starts and serves, but is never ready; its log says why."""

import logging
import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def healthz(_: Request) -> JSONResponse:
    """Answer 503, always."""
    logging.warning("not healthy: the search index is empty")
    return JSONResponse(
        {
            "release": os.environ.get("FLEET_RELEASE", "none"),
            "slot": os.environ.get("FLEET_SLOT", "none"),
            "reason": "the search index is empty",
        },
        status_code=503,
    )


app = Starlette(routes=[Route("/healthz", healthz)])
