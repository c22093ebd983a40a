"""Notes, kept in a database that must have been migrated: why a deployment has hooks."""

import sqlite3
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, status
from pydantic import BaseModel, Field

from fleet_sample.database import NotMigratedError, connect, version
from fleet_sample.dependencies import CurrentSettings

NEEDS = 2
"""Number of the migration that this code needs."""

NEWEST = 100
"""How many notes are listed."""


class NewNote(BaseModel):
    """What is sent to `/notes`."""

    text: str = Field(min_length=1, max_length=1000)


class Note(NewNote):
    """A note, with the release that wrote it."""

    id: int
    written_by: str


class Run(BaseModel):
    """One run of the migrations: Unix time, who ran them, and what they changed."""

    at: int
    release: str
    from_version: int
    to_version: int


class Migrated(BaseModel):
    """Answer of `/migrations`."""

    version: int
    runs: list[Run]


def open_database(settings: CurrentSettings) -> Iterator[sqlite3.Connection]:
    """Yield the database, or answer 503: a missing table is the operator's to repair."""
    try:
        with connect(settings.database_path, NEEDS) as connection:
            yield connection
    except NotMigratedError as error:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE,
            f"{error}; run python -m fleet_sample.migrate",
        ) from error
    except sqlite3.OperationalError as error:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE, f"the database cannot be used: {error}"
        ) from error


Database = Annotated[sqlite3.Connection, Depends(open_database)]
router = APIRouter(tags=["notes"], responses={503: {"description": "Not migrated, or in use"}})


# Not `async`: FastAPI runs these in a thread, and a slow disk holds up nobody else.
@router.get("/notes")
def list_notes(database: Database) -> list[Note]:
    """List the newest notes, the newest first."""
    rows = database.execute(
        "SELECT id, text, written_by FROM notes ORDER BY id DESC LIMIT ?", (NEWEST,)
    )
    return [Note(id=number, text=text, written_by=writer) for number, text, writer in rows]


@router.post("/notes", status_code=status.HTTP_201_CREATED)
def write_note(note: NewNote, database: Database, settings: CurrentSettings) -> Note:
    """Keep a note."""
    cursor = database.execute(
        "INSERT INTO notes (text, written_by) VALUES (?, ?)", (note.text, settings.release)
    )
    return Note(id=cursor.lastrowid or 0, text=note.text, written_by=settings.release)


@router.get("/migrations")
def show_migrations(database: Database) -> Migrated:
    """Tell the version of the database, and each run of the migrations: one for each rollout."""
    rows = database.execute(
        "SELECT at, release, from_version, to_version FROM migrations_log ORDER BY rowid"
    )
    runs = [Run(at=at, release=who, from_version=old, to_version=new) for at, who, old, new in rows]
    return Migrated(version=version(database), runs=runs)
