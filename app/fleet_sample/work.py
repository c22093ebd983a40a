"""Requests that take their time or carry a body: the ones a careless restart breaks."""

import asyncio
import hashlib

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from fleet_sample.dependencies import CurrentSettings

router = APIRouter(tags=["work"])


class Processed(BaseModel):
    """Answer of `/procesar`."""

    status: str
    seconds: float
    release: str
    slot: str


class Uploaded(BaseModel):
    """Answer of `/upload`: size in bytes and SHA-256 in hexadecimal of what arrived."""

    size: int
    sha256: str


@router.get("/procesar", operation_id="procesar_get")
@router.post("/procesar", operation_id="procesar_post")
async def procesar(settings: CurrentSettings) -> Processed:
    """Work for two seconds, then answer.

    Deploy while it runs: the old slot answers it before it stops.
    """
    await asyncio.sleep(settings.processing_seconds)
    return Processed(
        status="done",
        seconds=settings.processing_seconds,
        release=settings.release,
        slot=settings.slot,
    )


@router.post("/upload")
async def upload(request: Request) -> Uploaded:
    """Read the raw body piece by piece: a large file costs neither memory nor disk.

    Try it with `curl --data-binary @file`.
    """
    size = 0
    digest = hashlib.sha256()
    async for chunk in request.stream():
        size += len(chunk)
        digest.update(chunk)
    return Uploaded(size=size, sha256=digest.hexdigest())


@router.post("/echo")
async def echo(request: Request) -> Response:
    """Answer the body as it came.

    Always as `application/octet-stream`: a browser must not run what somebody sent.
    """
    return Response(await request.body(), media_type="application/octet-stream")
