"""An API that is served below a path of another application's domain."""

from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer that this is well."""
    return {"status": "ok"}


@app.get("/{rest:path}")
async def seen(request: Request) -> dict[str, str]:
    """Answer what of the request arrived."""
    return {"app": "api", "root_path": request.scope["root_path"], "link": str(request.url)}
