"""`/procesar` as tutorials write it: work that takes two seconds, in the forms that it may have.

They answer alike, and differ in what else their process can do meanwhile: run them with one worker
and with four. Deploy while they run: the old slot answers them before it stops.
"""

import asyncio
import os
import time

from fastapi import APIRouter
from pydantic import BaseModel

from fleet_sample.dependencies import CurrentSettings
from fleet_sample.settings import Settings

router = APIRouter(prefix="/procesar", tags=["work"])


class Procesado(BaseModel):
    """Answer of each form: the tutorial's, and when it was worked on by which process.

    `began` and `ended` are seconds of a clock that all processes of a machine share.
    """

    mensaje: str
    pid: int
    began: float
    ended: float
    release: str
    slot: str


def _done(began: float, settings: Settings) -> Procesado:
    return Procesado(
        mensaje="Procesado",
        pid=os.getpid(),
        began=began,
        ended=time.monotonic(),
        release=settings.release,
        slot=settings.slot,
    )


@router.get("", operation_id="procesar_get")
@router.post("", operation_id="procesar_post")
def procesar(settings: CurrentSettings) -> Procesado:
    """Block a thread, as the tutorial does. FastAPI runs a plain `def` in a pool of 40 threads."""
    began = time.monotonic()
    time.sleep(settings.processing_seconds)
    return _done(began, settings)


@router.get("/async")
async def procesar_async(settings: CurrentSettings) -> Procesado:
    """Block the event loop: until it is done, this process answers nobody, `/healthz` included."""
    began = time.monotonic()
    time.sleep(settings.processing_seconds)
    return _done(began, settings)


@router.get("/await")
async def procesar_await(settings: CurrentSettings) -> Procesado:
    """Wait without blocking anything: one process answers any number of these."""
    began = time.monotonic()
    await asyncio.sleep(settings.processing_seconds)
    return _done(began, settings)
