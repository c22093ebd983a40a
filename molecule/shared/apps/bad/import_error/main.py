"""Fails to import: a module's name is misspelt."""

import jsonn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def healthz(_: Request) -> Response:
    """Never reached."""
    return Response(jsonn.dumps({}), media_type="application/json")


app = Starlette(routes=[Route("/healthz", healthz)])
