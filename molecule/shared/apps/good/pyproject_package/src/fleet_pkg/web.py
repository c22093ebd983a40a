"""The package's ASGI callable: `fleet_pkg.web:app`."""

import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer which release and slot serve."""
    return {
        "release": os.environ.get("FLEET_RELEASE", "none"),
        "slot": os.environ.get("FLEET_SLOT", "none"),
    }
