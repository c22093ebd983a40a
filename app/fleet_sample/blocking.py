"""`/procesar` as tutorials write it, with a `time.sleep` that blocks, in both of its forms.

`/procesar` itself (work.py) awaits, and one process answers any number of requests meanwhile. The
two below do not, and what they cost is worth seeing: run them with one worker and with four.
"""

import os
import time

from fastapi import APIRouter
from pydantic import BaseModel

from fleet_sample.dependencies import CurrentSettings

router = APIRouter(prefix="/procesar", tags=["work"])


class Procesado(BaseModel):
    """Answer of both: the tutorial's, and when it was worked on by which process.

    `began` and `ended` are seconds of a clock that all processes of a machine share.
    """

    mensaje: str
    pid: int
    began: float
    ended: float


def _block(seconds: float) -> Procesado:
    began = time.monotonic()
    time.sleep(seconds)
    return Procesado(mensaje="Procesado", pid=os.getpid(), began=began, ended=time.monotonic())


@router.get("/def")
def procesar_def(settings: CurrentSettings) -> Procesado:
    """Block a thread. FastAPI runs a plain `def` in a pool of 40: the 41st request waits."""
    return _block(settings.processing_seconds)


@router.get("/async")
async def procesar_async(settings: CurrentSettings) -> Procesado:
    """Block the event loop: until it is done, this process answers nobody, `/healthz` included."""
    return _block(settings.processing_seconds)
