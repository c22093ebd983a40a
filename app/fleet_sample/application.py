"""Builds the application from its settings, so that a test can build one of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from fleet_sample import identity, notes, procesar, streams, work
from fleet_sample.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the application needs before the first request, close it after the last.

    A real application opens its database pool here. Only then is it ready, which is what
    `/healthz` tells the deployment that waits to send traffic.
    """
    app.state.ready = True
    yield
    app.state.ready = False


def create_app(settings: Settings) -> FastAPI:
    """Return the application with these settings."""
    app = FastAPI(title="Fleet sample", version="1.0.0", lifespan=lifespan)
    app.state.settings = settings
    app.state.ready = False
    app.include_router(identity.router)
    app.include_router(work.router)
    app.include_router(procesar.router)
    app.include_router(streams.router)
    app.include_router(notes.router)
    return app
