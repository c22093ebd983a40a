"""Brings the database to what this release needs: `python -m fleet_sample.migrate`.

Meant for the deployment's `before_rollout` hook. Each file of `migrations/` is applied once, in the
order of its number and in a transaction of its own, so that a migration that fails leaves nothing
behind and the next run goes on from there. The release before this one still serves meanwhile, and
may come back: a migration adds, and what it removes has been unused for a release.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleet_sample.database import BUSY_SECONDS, version
from fleet_sample.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"

# A line for each run, also for one that found nothing to do.
LOG = """
CREATE TABLE IF NOT EXISTS migrations_log (
    at INTEGER NOT NULL,
    release TEXT NOT NULL,
    from_version INTEGER NOT NULL,
    to_version INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class Migration:
    """One step: its number, its name and its SQL."""

    number: int
    name: str
    sql: str

    def statements(self) -> Iterator[str]:
        """Yield its statements; each ends at the end of a line."""
        pending = ""
        for line in self.sql.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                yield pending
                pending = ""
        if pending.strip():
            message = f"migration {self.name} ends within a statement; expected a ; at its end"
            raise ValueError(message)


def load(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return the migrations of a folder, named like 0001_notes.sql, in order.

    Raises:
        ValueError: Their numbers are not 1, 2, 3 and so on.
    """
    files = sorted(folder.glob("*.sql"))
    found = [Migration(int(file.name[:4]), file.stem, file.read_text("utf-8")) for file in files]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        message = f"{folder} has {', '.join(file.name for file in files)}; expected 0001, 0002, ..."
        raise ValueError(message)
    return found


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all or nothing; wait for whoever writes at the moment."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def migrate(path: Path, migrations: list[Migration], release: str) -> Iterator[str]:
    """Apply what has not been applied; yield a line for each thing done.

    Args:
        path: The database, made if there is none.
        migrations: All of this release, in order.
        release: Who does it, for the log.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        before = version(connection)
        for migration in migrations:
            with transaction(connection):
                # Within the transaction: another run may have been first.
                if version(connection) >= migration.number:
                    continue
                for statement in migration.statements():
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {migration.number}")
            yield f"applied {migration.name}"
        with transaction(connection):
            after = version(connection)
            connection.execute(LOG)
            connection.execute(
                "INSERT INTO migrations_log VALUES (?, ?, ?, ?)",
                (int(time.time()), release, before, after),
            )
        if after > len(migrations):
            yield f"version {after} is newer than this release, which knows {len(migrations)}"
        yield f"{path} is at version {after}, and was at {before}"


def main() -> int:
    """Migrate the database of the environment; return the exit status."""
    settings = Settings.from_environment()
    try:
        for line in migrate(settings.database_path, load(), settings.release):
            print(line, flush=True)
    except (OSError, ValueError, sqlite3.Error) as error:
        print(f"{settings.database_path} was not migrated: {error}", file=sys.stderr)
        return os.EX_SOFTWARE
    return 0


if __name__ == "__main__":
    sys.exit(main())
