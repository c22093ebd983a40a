"""The package's ASGI callable: `fleet_cext.web:app`."""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fleet_cext._checksum import byte_sum


async def healthz(_: Request) -> JSONResponse:
    """Answer which release and slot serve, with a sum that only the C code can have made."""
    release = os.environ.get("FLEET_RELEASE", "none")
    return JSONResponse(
        {
            "release": release,
            "slot": os.environ.get("FLEET_SLOT", "none"),
            "checksum": byte_sum(release.encode()),
        }
    )


app = Starlette(routes=[Route("/healthz", healthz)])
