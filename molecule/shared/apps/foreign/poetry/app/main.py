"""An application whose project is not a package."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer the version of FastAPI."""
    return {"fastapi": version("fastapi")}


@app.get("/self")
def itself() -> str:
    """Answer whether the project was installed."""
    try:
        return version("articles")
    except PackageNotFoundError:
        return "not a package"
