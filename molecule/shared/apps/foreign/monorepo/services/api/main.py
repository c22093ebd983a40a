"""A service of a repository of many, with links to what they share."""

from pathlib import Path

from schemas import GREETING
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def healthz(_: Request) -> JSONResponse:
    """Answer what lies behind both links."""
    text = Path(__file__).parent.joinpath("texts", "hello.txt").read_text(encoding="utf-8")
    return JSONResponse({"text": text.strip(), "greeting": GREETING})


app = Starlette(routes=[Route("/healthz", healthz)])
