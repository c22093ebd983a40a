"""Writes wherever it likes, and shows what it runs with."""

from __future__ import annotations

import asyncio
import mmap
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

# As the tutorials have it: beside the code, at the import.
connection = sqlite3.connect("sql_app.db", check_same_thread=False)
connection.execute("create table if not exists visit (at text)")
# What prometheus_client does when a counter is made.
Path(os.environ["PROMETHEUS_MULTIPROC_DIR"], f"counter_{os.getpid()}.db").touch()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Run a program of the release, leave a child behind, and ask for more than it may."""
    subprocess.run(["uvicorn", "--version"], check=True)
    subprocess.Popen(["sleep", "5555"], start_new_session=True)
    loop = asyncio.get_running_loop()
    for later in (write_report, make_code):
        loop.call_later(0.5, later)
    yield


app = FastAPI(lifespan=lifespan)


def write_report() -> None:
    """Write where nobody has allowed it."""
    Path("reports").mkdir()


def make_code() -> None:
    """Map memory for code that is made at run time."""
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Tell that it serves."""
    return {}


@app.get("/world")
def world() -> dict[str, str]:
    """Return what it runs with."""
    return {**os.environ, "PWD": os.getcwd()}


@app.get("/visit")
def visit() -> int:
    """Count a visit, in the database and in an uploaded file."""
    with connection:
        connection.execute("insert into visit values ('now')")
    with Path("uploads", "visits.txt").open("a") as file:
        file.write("x")
    (count,) = connection.execute("select count(*) from visit").fetchone()
    return int(count)


@app.get("/files")
def files() -> dict[str, list[str]]:
    """Return the files of its folders."""
    places = {"metrics": os.environ["PROMETHEUS_MULTIPROC_DIR"], "static": "static", "dev": "/dev"}
    places["uploads"] = "uploads"
    return {name: sorted(os.listdir(path)) for name, path in places.items()}
