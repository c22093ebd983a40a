"""Requirements without hashes that pin a server too: their pins win over the platform's."""

import os
from importlib.metadata import version

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer which release and slot serve."""
    return {
        "release": os.environ.get("FLEET_RELEASE", "none"),
        "slot": os.environ.get("FLEET_SLOT", "none"),
    }


@app.get("/versions")
async def versions() -> dict[str, str]:
    """Answer which server is installed beside the application."""
    return {name: version(name) for name in ("gunicorn", "uvicorn", "uvicorn-worker")}
