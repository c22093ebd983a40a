"""Requests that carry a body, which a careless restart breaks."""

import hashlib

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

router = APIRouter(tags=["work"])


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
