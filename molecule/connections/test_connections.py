"""The connections that a fleet opens to its database: counted before, and seen by the database."""

from __future__ import annotations

import json
import shutil
import time
from typing import Any

from conftest import ALLOWED
from events import ROOT, Shop
from visitors import visiting

RELEASES = 5
APPLICATION = ROOT / "molecule/shared/apps/good/database"
#: A line for each look, ten times a second: how many connections the application has.
WATCH = """
systemd-run --quiet --collect --unit=watch-connections --uid=postgres --working-directory=/ \
  --property=StandardOutput=file:/tmp/connections sh -c "yes \\"select count(*) from \
pg_stat_activity where usename = 'shop'; select pg_sleep(0.1);\\" \
| psql --no-align --tuples-only --file=-"
"""


def version(shop: Shop) -> dict[str, Any]:
    """Make another release."""
    shop.versions += 1
    source = shop.folder / f"version-{shop.versions}"
    shutil.copytree(APPLICATION, source)
    with (source / "main.py").open("a", encoding="utf-8") as file:
        file.write(f"\n# version {time.time_ns()}\n")
    return {"type": "path", "path": str(source)}


def refused_by_the_database(shop: Shop) -> int:
    count = "cat /var/log/postgresql/*.log | grep -c 'too many connections for role' || true"
    return int(shop.shell(count))


def test_releases_under_load_stay_within_what_was_counted(shop: Shop) -> None:
    shop.shell(WATCH)
    with visiting(shop, "/") as visitors:
        for _ in range(RELEASES):
            shop.variables["app_source"] = version(shop)
            shop.succeed("release")
        shop.succeed("rollback")
    shop.shell("systemctl stop watch-connections")
    lines = shop.shell("cat /tmp/connections").splitlines()
    seen = [int(line) for line in lines if line.isdigit()]
    told = {"requests": visitors.answered, "looks": len(seen), "most": max(seen)}
    print(json.dumps(told))
    assert visitors.failed == []
    assert visitors.answered > 100 * RELEASES
    assert refused_by_the_database(shop) == 0
    # Both slots with all their workers were seen; two for the processes may come on top.
    assert 12 < max(seen) <= ALLOWED, told
    assert len(seen) > 20 * RELEASES, told


def test_one_connection_less_is_refused_before_a_host_is_touched(shop: Shop) -> None:
    limits = {"per_worker": 3, "per_process": 2, "per_timer": 1, "limit": 18, "other": 2}
    told = shop.refuse(
        "release",
        "app_connections is a limit of 18, and shop would open 19: 2 workers on 1 host x 2 slots "
        "during a rollout x 3 + 4 for app_processes + 1 for app_timers + 2 for others; without a "
        "rollout 11 would fit; expected at most 18;",
        app_connections=limits,
        # Whoever tried to reach the host would not.
        ansible_port=1,
    )
    assert "UNREACHABLE" not in told


def test_automatic_number_of_workers_stays_below_the_limit(shop: Shop) -> None:
    told = shop.succeed("release", app_workers="auto", app_source=version(shop))
    assert "shop on connections1: 2 workers: " in told
    assert "but app_connections allows 2; up to 12 connections during a rollout" in told


def test_release_with_a_larger_pool_than_was_told_takes_no_traffic(shop: Shop) -> None:
    """What cannot be known before: the pool is the application's own."""
    with visiting(shop, "/") as visitors:
        told = shop.refuse(
            "release",
            'too many connections for role "shop"',
            app_env={"POOL": "9"},
            app_source=version(shop),
        )
    assert visitors.failed == []
    assert refused_by_the_database(shop) > 0
    assert "Traceback" not in told.splitlines()[-1]
