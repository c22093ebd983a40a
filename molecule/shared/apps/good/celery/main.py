"""An API that gives its work to Celery."""

import os

from fastapi import FastAPI
from tasks import database, work

app = FastAPI()


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer which release and slot serve."""
    return {"release": os.environ["FLEET_RELEASE"], "slot": os.environ["FLEET_SLOT"]}


@app.post("/jobs")
def enqueue() -> dict[str, int]:
    """Enqueue a job and answer with its number."""
    number = database.incr("jobs")
    work.delay(number)
    return {"job": number}
