"""A front end: pages of its own, files that nginx serves, and what its answers may look like."""

import asyncio
from typing import Annotated

from fastapi import Body, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer that this is well."""
    return {"status": "ok"}


@app.get("/static/{rest:path}")
async def rest(rest: str) -> PlainTextResponse:
    """Answer for what nginx has not found."""
    return PlainTextResponse(f"the application's {rest}")


@app.get("/framed")
async def framed(response: Response) -> dict[str, str]:
    """Answer with headers of its own."""
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Strict-Transport-Security"] = "max-age=1"
    return {"framed": "never"}


@app.get("/own/{status}")
async def own(status: int) -> Response:
    """Answer with an error of its own."""
    return Response("my own", status_code=status)


@app.get("/slow")
async def slow() -> dict[str, str]:
    """Answer later than nginx waits."""
    await asyncio.sleep(30)
    return {}


@app.post("/{rest:path}")
async def sized(body: Annotated[bytes, Body()]) -> dict[str, int]:
    """Answer how much came."""
    return {"size": len(body)}


@app.get("/{rest:path}")
async def seen(request: Request) -> dict[str, object]:
    """Answer what of the request arrived."""
    return {"app": "front", "path": request.url.path, "id": request.headers["x-request-id"]}
