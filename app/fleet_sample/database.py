"""The notes' database: one SQLite file, so that the sample needs no server.

A file belongs to one host. A fleet keeps its data in a database that all of its hosts reach; how
it is migrated, once for each rollout, is the same.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_SECONDS = 5.0
"""How long one waits for another's transaction, in seconds."""


class NotMigratedError(Exception):
    """The database lacks what this release needs; `python -m fleet_sample.migrate` makes it."""


def version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that was applied, 0 for none."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


@contextmanager
def connect(path: Path, needs: int = 0) -> Iterator[sqlite3.Connection]:
    """Yield a connection that commits by itself, and closes at the end.

    Args:
        path: The database. It must exist: a request that makes one would hide a lost file.
        needs: Number of the migration that must have been applied.

    Raises:
        NotMigratedError: There is no such file, or it is older than that.
    """
    if not path.is_file():
        raise NotMigratedError(f"there is no database at {path}")
    # One thread of FastAPI's opens it, another one uses it, one after the other.
    opened = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    with closing(opened) as connection:
        found = version(connection)
        if found < needs:
            raise NotMigratedError(f"the database is at version {found}, not yet at {needs}")
        yield connection
