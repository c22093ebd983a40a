"""Requests with a body, large answers, and work that waits: what a careless restart breaks."""

import asyncio
import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

router = APIRouter(tags=["work"])

DOWNLOAD_BYTES = 64 * 1024
LONGEST_WAIT_SECONDS = 60


class Uploaded(BaseModel):
    """Answer of `/upload`: size in bytes and SHA-256 in hexadecimal of what arrived."""

    size: int
    sha256: str


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


class Waited(BaseModel):
    """Answer of `/wait`: for how long, in seconds."""

    seconds: float


@router.get("/download")
async def download() -> Response:
    """Answer 64 KiB at once: more than a socket or a proxy takes in one piece."""
    return Response(bytes(DOWNLOAD_BYTES), media_type="application/octet-stream")


@router.get("/wait")
async def wait(
    seconds: Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS)] = 0.05,
) -> Waited:
    """Wait as for a database or another service, without blocking anything."""
    await asyncio.sleep(seconds)
    return Waited(seconds=seconds)
