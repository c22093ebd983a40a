"""A model that loads for as long as it is told, and blocks the worker's loop meanwhile."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@asynccontextmanager
async def load(_: Starlette) -> AsyncIterator[dict[str, float]]:
    """Load it, as torch.load does: without giving way."""
    began = time.monotonic()
    time.sleep(float(os.environ.get("MODEL_SECONDS", "75")))
    yield {"loaded": time.monotonic() - began}


async def healthz(request: Request) -> JSONResponse:
    """Answer how long it loaded."""
    return JSONResponse({"loaded": request.state.loaded})


app = Starlette(routes=[Route("/healthz", healthz)], lifespan=load)
