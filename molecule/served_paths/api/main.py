"""An API that is served below a path of another application's domain."""

import asyncio

from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer that this is well."""
    return {"status": "ok"}


@app.get("/slow")
async def slow() -> None:
    """Answer later than nginx waits."""
    await asyncio.sleep(30)


@app.get("/{rest:path}")
async def seen(request: Request) -> dict[str, str]:
    """Answer what of the request arrived."""
    return {"app": "api", "root_path": request.scope["root_path"], "link": str(request.url)}
