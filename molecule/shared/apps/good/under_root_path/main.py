"""Served under a prefix (`app_root_path: /api`): the links it makes must carry the prefix."""

import os

from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer which release and slot serve."""
    return {
        "release": os.environ.get("FLEET_RELEASE", "none"),
        "slot": os.environ.get("FLEET_SLOT", "none"),
    }


@app.get("/whoami")
async def whoami(request: Request) -> dict[str, str]:
    """Answer the prefix, the path as the server gives it, and a link to this very endpoint."""
    return {
        "root_path": request.scope["root_path"],
        "path": request.scope["path"],
        "link": str(request.url_for("whoami")),
    }
