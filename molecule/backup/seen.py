"""What is seen of backups on the hosts, and what a test has them see."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from shlex import quote
from typing import Any

from documented import settings
from fleet import Fleet

DATABASE = "/var/lib/shop/state/shop.sqlite3"
HOME = "/var/backups/shop"
RECORD = "/var/lib/shop/backup.json"
#: The page's example; its hour must not come in the middle of a test.
BACKUP = settings("SQLite")["app_backup"] | {"max_age": "1h", "keep": 3, "schedule": "yearly"}


def eventually(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, holds
        time.sleep(0.5)


def record(fleet: Fleet, host: str = "op1") -> dict[str, Any]:
    """What a host remembers of its backups."""
    found: dict[str, Any] = json.loads(fleet.shop.shell(f"cat {RECORD}", host))
    return found


def sqlite(fleet: Fleet, query: str, database: str = DATABASE) -> str:
    """What a database answers."""
    return fleet.shop.shell(f"sqlite3 {database} {quote(query)}", "op1")


def migrations(fleet: Fleet, database: str = DATABASE) -> int:
    """How many times the hook that migrates has run, by a database."""
    return int(sqlite(fleet, "SELECT count(*) FROM migrations_log", database))


def kept(fleet: Fleet) -> list[str]:
    """The folders of the backups."""
    return fleet.shop.shell(f"ls -A {HOME} | grep -v asgi", "op1").split()


def aged(fleet: Fleet, seconds: int) -> None:
    """Have the last good backup be older than it is."""
    script = f"""python3 - <<'END'
import json
path = "{RECORD}"
found = json.load(open(path))
for one in (found["good"], found["last"]):
    one["began"] -= {seconds}
found["last_good"] = found["good"]["began"]
json.dump(found, open(path, "w"))
END"""
    fleet.shop.shell(script, "op1")


def timer(fleet: Fleet, host: str) -> str:
    """How the timer stands: `enabled active`, `disabled inactive` or `not there`."""
    unit = "shop-backup.timer"
    script = (
        f"test -e /etc/systemd/system/{unit} || {{ echo not there; exit; }}; "
        f"systemctl is-enabled {unit}; systemctl is-active {unit}; true"
    )
    return " ".join(fleet.shop.shell(script, host).split())


def makers(fleet: Fleet) -> list[str]:
    """The hosts whose timer makes backups; it is on both, and wholly on or wholly off."""
    found = {host: timer(fleet, host) for host in ("op1", "op2")}
    assert set(found.values()) <= {"enabled active", "disabled inactive"}, found
    return [host for host, state in found.items() if state == "enabled active"]
