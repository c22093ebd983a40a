"""Connections that stay open: what a drain must end, since they never end by themselves."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel

from fleet_sample.dependencies import CurrentSettings

router = APIRouter(tags=["streams"])


class Tick(BaseModel):
    """One event of `/events`; the first has number 1."""

    number: int
    release: str
    slot: str


@router.websocket("/ws")
async def echo_messages(websocket: WebSocket) -> None:
    """Send each text message back until the client or the server closes the connection."""
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)


@router.get("/events", response_class=EventSourceResponse)
async def events(
    settings: CurrentSettings, limit: Annotated[int | None, Query(ge=1)] = None
) -> AsyncIterator[Tick]:
    """Send a server-sent event each second until the client leaves, or until `limit` were sent."""
    for number in count(1):
        yield Tick(number=number, release=settings.release, slot=settings.slot)
        if number == limit:
            return
        await asyncio.sleep(settings.tick_seconds)
