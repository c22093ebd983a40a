"""Who answered, and is it ready: what the deployment and its tests look at."""

import os
import socket

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel

from fleet_sample.dependencies import CurrentSettings

router = APIRouter(tags=["identity"])


class Health(BaseModel):
    """Answer of `/healthz`."""

    status: str
    release: str
    slot: str


class Greeting(BaseModel):
    """Answer of `/`."""

    message: str
    release: str
    slot: str


class Whoami(BaseModel):
    """Answer of `/whoami`: the process that answered, and the request as it saw it.

    Attributes:
        client: Address of the client; null over a unix socket without a proxy's headers.
        scheme: `https` if the proxy says so, whatever the server itself speaks.
        root_path: Prefix that the proxy took off the path, as in `/api`.
        url: The address that was asked for, as links of the application begin.
        headers: All headers of the request; several of one name are joined.
    """

    app: str
    host: str
    release: str
    slot: str
    pid: int
    client: str | None
    scheme: str
    root_path: str
    url: str
    headers: dict[str, str]


class VisibleSettings(BaseModel):
    """Answer of `/settings`: a secret is shown as set or not, never by its value."""

    greeting: str
    api_token_set: bool


@router.get("/healthz", responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Health}})
async def healthz(request: Request, response: Response, settings: CurrentSettings) -> Health:
    """Answer 200 once the application is ready to serve, 503 before and after."""
    ready: bool = request.app.state.ready
    if not ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Health(
        status="ok" if ready else "not ready", release=settings.release, slot=settings.slot
    )


@router.get("/")
async def greet(settings: CurrentSettings) -> Greeting:
    """Greet, and say which release did."""
    return Greeting(message=settings.greeting, release=settings.release, slot=settings.slot)


@router.get("/whoami")
async def whoami(request: Request, settings: CurrentSettings) -> Whoami:
    """Tell which process of which host answered, and what it knows of the client."""
    return Whoami(
        app=settings.app,
        host=socket.gethostname(),
        release=settings.release,
        slot=settings.slot,
        pid=os.getpid(),
        client=request.client.host if request.client else None,
        scheme=request.url.scheme,
        root_path=request.scope.get("root_path", ""),
        url=str(request.url),
        headers={name: ", ".join(request.headers.getlist(name)) for name in request.headers},
    )


@router.get("/settings")
async def show_settings(settings: CurrentSettings) -> VisibleSettings:
    """Show which of the deployment's settings arrived."""
    return VisibleSettings(greeting=settings.greeting, api_token_set=settings.api_token is not None)
