"""The page's example for PostgreSQL, with that of the distribution, and its restore."""

from __future__ import annotations

from shlex import quote

from documented import restore_postgresql, settings
from fleet import Fleet
from seen import record

URL = "postgresql:///shop"
AS_POSTGRES = "cd /; runuser -u postgres --"


def sql(fleet: Fleet, query: str) -> str:
    """What the database answers to the application's account."""
    command = f"psql --quiet --tuples-only --no-align {URL} --command {quote(query)}"
    return fleet.shop.shell(f"cd /; runuser -u shop -- {command}", "op1")


def test_postgresql_is_backed_up_and_comes_back_as_the_page_says(fleet: Fleet) -> None:
    shell = fleet.shop.shell
    shell("DEBIAN_FRONTEND=noninteractive apt-get install -qq postgresql >/dev/null", "op1")
    shell(f"{AS_POSTGRES} createuser shop", "op1")
    shell(f"{AS_POSTGRES} createdb --owner shop shop", "op1")
    sql(fleet, "CREATE TABLE sold AS SELECT generate_series(1, 1000) AS id")
    env = {"GREETING": "first", "DATABASE_PATH": "/var/lib/shop/state/shop.sqlite3"}
    backup = settings("PostgreSQL")["app_backup"] | {"schedule": "yearly", "alert_age": "26h"}
    with fleet.having(app_env=env | {"DATABASE_URL": URL}, app_backup=backup):
        fleet.succeed("restart")
        fleet.succeed("backup", "--limit", "op1")
        good = record(fleet)["good"]
        assert good["size"] > 1000
        sql(fleet, "DELETE FROM sold")
        fleet.succeed("run", *restore_postgresql(good["folder"]))
        assert sql(fleet, "SELECT count(*) FROM sold") == "1000"
        # What the server does not have is no backup.
        shell(f"{AS_POSTGRES} dropdb --force shop", "op1")
        told = fleet.fail("backup", "--limit", "op1")
        assert 'database "shop" does not exist' in told
