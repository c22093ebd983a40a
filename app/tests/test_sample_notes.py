"""Notes, and the migrations that they need."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from fleet_sample import migrate
from fleet_sample.database import NotMigratedError, connect
from fleet_sample.migrate import Migration
from fleet_sample.notes import NEEDS
from fleet_sample.settings import Settings

ALL = migrate.load()


@pytest.fixture
def path(database_path: Path) -> Path:
    """Return the path of the client's database; there is none yet."""
    return database_path


def runs(path: Path) -> list[tuple[str, int, int]]:
    """Return release, version before and version after of each run of the migrations."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT release, from_version, to_version FROM migrations_log ORDER BY rowid"
        return list(connection.execute(query))


def test_migrations_reach_what_the_code_needs() -> None:
    assert len(ALL) == NEEDS


def test_migrate_applies_all_once_and_logs_each_run(path: Path) -> None:
    first = list(migrate.migrate(path, ALL, "r1"))
    assert first == [
        "applied 0001_notes",
        "applied 0002_notes_written_by",
        f"{path} is at version 2, and was at 0",
    ]
    assert list(migrate.migrate(path, ALL, "r2")) == [f"{path} is at version 2, and was at 2"]
    assert runs(path) == [("r1", 0, 2), ("r2", 2, 2)]


def test_migrate_keeps_what_was_written_before(path: Path) -> None:
    list(migrate.migrate(path, ALL[:1], "r1"))
    with connect(path) as connection:
        connection.execute("INSERT INTO notes (text) VALUES ('old')")
    list(migrate.migrate(path, ALL, "r2"))
    with connect(path, NEEDS) as connection:
        assert list(connection.execute("SELECT text, written_by FROM notes")) == [("old", "")]


def test_a_migration_that_fails_leaves_nothing_and_the_ones_before_it(path: Path) -> None:
    bad = Migration(3, "0003_bad", "CREATE TABLE half (id);\nINSERT INTO missing VALUES (1);\n")
    with pytest.raises(sqlite3.OperationalError, match="no such table: missing"):
        list(migrate.migrate(path, [*ALL, bad], "r1"))
    with connect(path) as connection:
        assert not list(connection.execute("SELECT * FROM sqlite_master WHERE name = 'half'"))
    assert list(migrate.migrate(path, ALL, "r2")) == [f"{path} is at version 2, and was at 2"]


def test_an_older_release_leaves_a_newer_database_alone(path: Path) -> None:
    list(migrate.migrate(path, ALL, "r2"))
    assert list(migrate.migrate(path, ALL[:1], "r1")) == [
        "version 2 is newer than this release, which knows 1",
        f"{path} is at version 2, and was at 2",
    ]


def test_runs_at_the_same_time_wait_for_each_other(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda who: list(migrate.migrate(path, ALL, f"r{who}")), range(8)))
    assert sum(line.startswith("applied") for lines in said for line in lines) == len(ALL)
    assert len(runs(path)) == 8


@pytest.mark.parametrize("names", [["0002_b.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_numbers_that_leave_gaps_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ValueError, match="expected 0001, 0002"):
        migrate.load(tmp_path)


def test_a_statement_without_an_end_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="0001_x ends within a statement"):
        list(migrate.migrate(path, [Migration(1, "0001_x", "CREATE TABLE x (id)")], "r1"))


def test_the_command_migrates_the_database_of_the_environment(tmp_path: Path) -> None:
    def run(database: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fleet_sample.migrate"],
            env=os.environ | {"DATABASE_PATH": str(database), "FLEET_RELEASE": "r7"},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )

    path = tmp_path / "new" / "notes.sqlite3"
    done = run(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"{path} is at version 2, and was at 0\n")
    assert runs(path) == [("r7", 0, 2)]
    refused = run(tmp_path)
    assert refused.returncode != 0
    assert refused.stderr == f"{tmp_path} was not migrated: unable to open database file\n"


def test_the_database_is_in_the_state_directory_and_at_home_without_one() -> None:
    assert Settings.from_environment({}).database_path == Path.home() / "fleet-sample.sqlite3"
    deployed = {"STATE_DIRECTORY": "/var/lib/shop/state"}
    path = Settings.from_environment(deployed).database_path
    assert path == Path("/var/lib/shop/state/fleet-sample.sqlite3")
    given = Settings.from_environment(deployed | {"DATABASE_PATH": "/srv/notes"})
    assert given.database_path == Path("/srv/notes")


def test_notes_without_a_database_say_what_to_run(client: TestClient, path: Path) -> None:
    for answer in (client.get("/notes"), client.post("/notes", json={"text": "x"})):
        assert answer.status_code == 503
        assert answer.json()["detail"] == (
            f"there is no database at {path}; run python -m fleet_sample.migrate"
        )
    assert not path.exists()
    assert client.get("/healthz").status_code == 200


def test_notes_of_an_older_database_say_what_to_run(client: TestClient, path: Path) -> None:
    list(migrate.migrate(path, ALL[:1], "r0"))
    answer = client.get("/notes")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("the database is at version 1, not yet at 2; run ")
    with pytest.raises(NotMigratedError), connect(path, NEEDS):
        pass


def test_notes_are_kept_newest_first_with_their_release(client: TestClient, path: Path) -> None:
    list(migrate.migrate(path, ALL, "r1"))
    written = [client.post("/notes", json={"text": text}) for text in ("one", "two")]
    assert [answer.status_code for answer in written] == [201, 201]
    assert client.get("/notes").json() == [
        {"id": 2, "text": "two", "written_by": "r1"},
        {"id": 1, "text": "one", "written_by": "r1"},
    ]


def test_notes_are_written_by_many_at_once(client: TestClient, path: Path) -> None:
    list(migrate.migrate(path, ALL, "r1"))
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(
            lambda number: client.post("/notes", json={"text": str(number)}), range(64)
        )
        assert {answer.status_code for answer in answers} == {201}
    assert len(client.get("/notes").json()) == 64


def test_an_empty_note_is_refused(client: TestClient, path: Path) -> None:
    list(migrate.migrate(path, ALL, "r1"))
    assert client.post("/notes", json={"text": ""}).status_code == 422


def test_a_database_that_is_in_use_is_503(
    client: TestClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(migrate.migrate(path, ALL, "r1"))
    monkeypatch.setattr("fleet_sample.database.BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = client.post("/notes", json={"text": "x"})
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the database cannot be used: database is locked"


def test_migrations_are_shown_with_each_run(client: TestClient, path: Path) -> None:
    list(migrate.migrate(path, ALL, "r1"))
    list(migrate.migrate(path, ALL, "r2"))
    shown = client.get("/migrations").json()
    assert shown["version"] == 2
    assert [(run["release"], run["from_version"]) for run in shown["runs"]] == [
        ("r1", 0),
        ("r2", 2),
    ]
