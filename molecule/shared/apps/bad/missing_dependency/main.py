"""Fails to import: it needs httpx, which its requirements forgot."""

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def healthz(_: Request) -> JSONResponse:
    """Never reached."""
    return JSONResponse({"httpx": httpx.__version__})


app = Starlette(routes=[Route("/healthz", healthz)])
