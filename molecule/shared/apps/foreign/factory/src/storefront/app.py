"""A factory: each worker calls it."""

from importlib.metadata import version

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def healthz(_: Request) -> JSONResponse:
    """Answer the version that was built."""
    return JSONResponse({"version": version("storefront")})


def create_app() -> Starlette:
    """Return an application."""
    return Starlette(routes=[Route("/healthz", healthz)])


def main() -> None:
    """Say the version."""
    print(version("storefront"))
