"""One backup: what is kept of a good one, and what a failed one leaves as it was."""

from __future__ import annotations

import getpass
import json
import time
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import provenance
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import ForeignError
from ansible_collections.asgi.fleet.plugins.module_utils.backups import making, record
from ansible_collections.asgi.fleet.plugins.module_utils.backups.making import Job, Surroundings
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import (
    Confinement,
    ConfinementError,
)

pytestmark = pytest.mark.usefixtures("confinements")
SECRET = "s3cret-value"
JOB = Job('echo data >"$BACKUP_DIRECTORY/db"', 'grep -q data "$BACKUP_DIRECTORY/db"', 20, 3)


@pytest.fixture
def application(tmp_path: Path) -> Application:
    state = tmp_path / "var/lib/shop"
    state.mkdir(parents=True)
    (state / provenance.MARK).write_text("shop\n")
    return Application("shop", str(tmp_path))


@pytest.fixture
def inside(tmp_path: Path) -> Surroundings:
    release = tmp_path / "opt/shop/releases/1.0"
    (release / "src").mkdir(parents=True)
    return Surroundings(str(release), getpass.getuser(), {"TOKEN": SECRET}, ["TOKEN"])


def names(application: Application) -> list[str]:
    found = {path.name for path in Path(making.home(application)).iterdir()}
    return sorted(found - {provenance.MARK})


def test_good_backup_is_kept_and_remembered(application: Application, inside: Surroundings) -> None:
    done = making.make(application, JOB, inside, "ada@laptop")
    assert done.made
    found = done.backup
    assert found["good"]
    assert (found["status"], found["check"], found["problem"]) == (0, 0, "")
    assert (found["by"], found["release"], found["size"]) == ("ada@laptop", "1.0", 5)
    assert Path(found["folder"], "db").read_text() == "data\n"
    assert names(application) == [Path(found["folder"]).name]
    kept = json.loads(Path(record.record_path(application)).read_text())
    assert kept == {"schema": 1, "last_good": found["began"], "good": found, "last": found}


def test_both_commands_are_confined_as_the_service_and_write_their_folder(
    application: Application, inside: Surroundings, confinements: list[Confinement]
) -> None:
    making.make(application, JOB, replace(inside, memory_max="512M"), "ada@laptop")
    assert len(confinements) == 2
    for one in confinements:
        folder = one.environment[making.VARIABLE]
        assert folder.startswith(f"{making.home(application)}/.")
        assert (one.unit, one.patient) == ("asgi-fleet-shop-backup", True)
        assert ("ReadWritePaths", folder) in one.properties
        assert ("MemoryMax", "512M") in one.properties
        assert one.environment["TOKEN"] == SECRET
        assert one.environment["FLEET_RELEASE"] == "1.0"


@pytest.mark.parametrize(
    ("job", "problem", "statuses"),
    [
        pytest.param(
            replace(JOB, command="echo no $TOKEN; exit 3"),
            "its command 'echo no $TOKEN; exit 3' failed: exit status 3",
            (3, None),
            id="command",
        ),
        pytest.param(
            replace(JOB, check="echo no $TOKEN; exit 4"),
            "its check 'echo no $TOKEN; exit 4' failed: exit status 4",
            (0, 4),
            id="check",
        ),
    ],
)
def test_failed_one_leaves_nothing_and_the_last_good_one_stays(
    application: Application,
    inside: Surroundings,
    job: Job,
    problem: str,
    statuses: tuple[int, int | None],
) -> None:
    good = making.make(application, JOB, inside, "the timer").backup
    found = making.make(application, job, inside, "ada@laptop").backup
    assert not found["good"]
    assert (found["problem"], found["lines"]) == (problem, ["no <TOKEN>"])
    assert (found["status"], found["check"]) == statuses
    assert (found["size"], found["folder"]) == (0, "")
    after = record.read(application)
    assert (after["good"], after["last"]) == (good, found)
    assert after["last_good"] == good["began"]
    assert names(application) == [Path(good["folder"]).name]


def test_secret_of_a_command_is_not_remembered(
    application: Application, inside: Surroundings
) -> None:
    job = replace(JOB, command=f"upload --token={SECRET}; exit 1")
    found = making.make(application, job, inside, "ada@laptop").backup
    assert "upload --token=<TOKEN>" in found["problem"]
    assert SECRET not in Path(record.record_path(application)).read_text()


def test_command_that_does_not_start_is_a_failed_backup(
    application: Application, inside: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object) -> None:
        raise ConfinementError("systemd did not start it")

    monkeypatch.setattr(confined, "run", run)
    found = making.make(application, JOB, inside, "ada@laptop").backup
    assert found["status"] == making.NOT_STARTED
    assert "it did not start: systemd did not start it" in found["problem"]


@pytest.mark.parametrize(
    ("old", "max_age", "made"),
    [(10, 60, False), (61, 60, True), (10, 0, True), (-100, 60, True)],
    ids=["fresh", "old", "in any case", "from the future"],
)
def test_fresh_one_is_not_made_again(
    application: Application, inside: Surroundings, old: int, max_age: int, made: bool
) -> None:
    good = making.make(application, JOB, inside, "the timer").backup
    good["began"] = int(time.time()) - old
    record.note(application, good)
    done = making.make(application, JOB, inside, "ada@laptop", max_age)
    assert (done.made, done.backup["by"]) == (made, "ada@laptop" if made else "the timer")


def test_no_more_are_kept_than_wanted_and_leftovers_go(
    application: Application, inside: Surroundings
) -> None:
    home = Path(provenance.claim_backups(application))
    for name in ("20200101T000000Z", "20210101T000000Z", "20220101T000000Z"):
        (home / name).mkdir(parents=True)
    # Of a host that went down, and what somebody has put there.
    (home / ".20220102T000000Z").mkdir()
    (home / "notes.txt").touch()
    done = making.make(application, JOB, inside, "the timer").backup
    new = Path(done["folder"]).name
    assert names(application) == ["20210101T000000Z", "20220101T000000Z", new, "notes.txt"]


def test_new_one_stays_after_a_clock_that_was_wrong(
    application: Application, inside: Surroundings
) -> None:
    """By their names, those of the future were the newest, and the new one was removed."""
    home = Path(provenance.claim_backups(application))
    for name in ("20210101T000000Z", "29990101T000000Z", "29990102T000000Z", "29990103T000000Z"):
        (home / name).mkdir(parents=True)
    done = making.make(application, JOB, inside, "the timer").backup
    assert Path(done["folder"], "db").exists()
    kept = ["20210101T000000Z", Path(done["folder"]).name, "29990103T000000Z"]
    assert names(application) == kept


def test_good_one_whose_folder_is_gone_is_none(
    application: Application, inside: Surroundings
) -> None:
    done = making.make(application, JOB, inside, "the timer").backup
    rmtree(done["folder"])
    known = record.read(application)
    assert (known["last_good"], known["good"], known["last"]) == (None, None, done)
    assert making.make(application, JOB, inside, "ada@laptop", max_age=3600).made
    elsewhere = replace(JOB, command="true", check="true")
    done = making.make(application, elsewhere, inside, "the timer").backup
    assert record.read(application)["good"] == done


def test_backup_that_goes_elsewhere_leaves_no_folder(
    application: Application, inside: Surroundings
) -> None:
    done = making.make(application, replace(JOB, command="true", check="true"), inside, "x").backup
    assert (done["good"], done["folder"], done["size"]) == (True, "", 0)
    assert names(application) == []


def test_folder_of_another_is_refused_and_stays(
    application: Application, inside: Surroundings
) -> None:
    home = Path(making.home(application))
    home.mkdir(parents=True)
    (home / "monday.tar").touch()
    with pytest.raises(ForeignError) as refused:
        making.make(application, JOB, inside, "ada@laptop")
    assert str(refused.value) == (
        f"{home} exists and has no mark of asgi.fleet; expected no such folder, since backups are "
        f"kept and removed there; rename it, or give it to shop: echo shop > {home}/.asgi.fleet"
    )
    assert names(application) == ["monday.tar"]


def test_interrupted_one_leaves_nothing(
    application: Application, inside: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object) -> None:
        raise SystemExit("the backup was stopped")

    monkeypatch.setattr(confined, "run", run)
    with pytest.raises(SystemExit):
        making.make(application, JOB, inside, "the timer")
    assert names(application) == []
    assert record.read(application)["last"] is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"schema": 2}', '{"schema": 1}', "null"),
        '{"schema": 1, "last_good": NaN, "good": {"began": NaN}, "last": null}',
        '{"schema": 1, "last_good": "soon", "good": "x", "last": {}}',
    ],
)
def test_torn_record_counts_as_none(application: Application, text: str) -> None:
    Path(record.record_path(application)).write_text(text)
    assert record.read(application) == {
        "schema": 1,
        "last_good": None,
        "good": None,
        "last": None,
    }
