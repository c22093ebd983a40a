"""Whether a backup is made before a migration, and what is kept of it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.backups import (
    backup_told,
    gates,
)

NOW = 1795241400
HOOKS = {"before_rollout": [{"command": "alembic upgrade head", "timeout": 300}]}
WAVES = {"shop": [["web1"], ["web2"]]}
RAN = {"phase": "before_rollout", "release": "v2"}


def host(
    old: int | None = None, done: list[dict[str, str]] | None = None, **deployment: object
) -> dict[str, Any]:
    backups = {"at": NOW, "last_good": None if old is None else NOW - old}
    return {
        "deployment": {
            "app_name": "shop",
            "app_hooks": HOOKS,
            "app_backup": {"max_age": 3600},
            **deployment,
        },
        "rollout_target": {"id": "v2"},
        "rollout_begun": {"backups": backups, "hooks_done": done or []},
    }


def lines(web1: dict[str, Any], web2: dict[str, Any], skip: str = "", **more: bool) -> list[str]:
    found = gates({"web1": web1, "web2": web2}, WAVES, skip, "ada@laptop", **more)
    return [f"{gate.due} {gate.line}" for gate in found.values()]


def test_first_one_is_made_on_the_host_that_migrates() -> None:
    assert lines(host(), host()) == [
        "True shop: a backup is made on web1 and checked, before the migration: there is none yet, "
        "and app_backup.max_age is 1 h"
    ]


def test_old_one_is_made_again() -> None:
    assert lines(host(7200), host(90_000), check_mode=True) == [
        "True shop: a backup would be made on web1 and checked, before the migration: the last "
        "good one is 2 h old, and app_backup.max_age is 1 h"
    ]


def test_fresh_one_of_the_host_that_migrates_is_enough() -> None:
    assert lines(host(600), host(7200)) == [
        "False shop: no backup is made: that of web1 is 10 min old"
    ]


def test_fresh_one_of_another_host_is_not() -> None:
    """Its data may be of that host alone, as SQLite's are."""
    assert lines(host(7200), host(600)) == [
        "True shop: a backup is made on web1 and checked, before the migration: the last good one "
        "is 2 h old, and app_backup.max_age is 1 h"
    ]


def test_time_since_the_host_was_asked_counts() -> None:
    begun = host(3500)
    begun["rollout_begun"]["took"] = {"from": time.time() - 121, "to": time.time() - 120}
    assert lines(begun, host())[0].startswith("True ")


def test_one_from_the_future_is_none() -> None:
    assert lines(host(-600), host())[0].startswith("True shop: a backup is made on web1")


@pytest.mark.parametrize("old", [None, 7200, 60])
def test_operator_who_goes_on_without_is_named(old: int | None) -> None:
    (line,) = lines(host(old), host(), skip="shop")
    assert line.startswith(
        "False WARNING: shop: ada@laptop migrates without a backup (-e skip_backup=shop); "
    )


@pytest.mark.parametrize(
    "variables",
    [
        host(app_backup={}),
        host(app_hooks={"before_rollout": []}),
        host(done=[RAN]),
    ],
    ids=["no backups", "no migration", "migrated before"],
)
def test_nothing_is_asked_where_nothing_migrates(variables: dict[str, Any]) -> None:
    assert lines(variables, host()) == []


def test_migration_of_another_host_counts() -> None:
    assert lines(host(), host(done=[RAN])) == []


def gate(**more: object) -> dict[str, Any]:
    return {"due": True, "host": "web1", "age": 7200.0, "skipped_by": "", "line": "", **more}


def told(result: dict[str, Any] | None, **more: object) -> Any:  # noqa: ANN401 (a typed dict or None)
    variables = {"rollout_backups": {"backups": {"shop": gate(**more)}}, "rollout_backup": result}
    return backup_told("shop", {"web1": variables}, "web1")


MADE = {"began": NOW, "ended": NOW + 12, "size": 5, "folder": "/var/backups/shop/x"}


@pytest.mark.parametrize(
    ("result", "decided", "kept"),
    [
        pytest.param(
            {"changed": True, "backup": MADE},
            {},
            {"made": True, "age": 12, "size": 5, "folder": "/var/backups/shop/x"},
            id="made",
        ),
        pytest.param(
            {"failed": True, "is_refusal": True}, {}, {"failed": True, "age": 7200}, id="failed"
        ),
        pytest.param(
            None,
            {"due": False, "host": "web2", "age": 60.4},
            {"host": "web2", "age": 60},
            id="fresh",
        ),
        pytest.param(
            None,
            {"due": False, "host": "", "age": None, "skipped_by": "ada"},
            {"host": "", "age": None, "skipped_by": "ada"},
            id="skipped",
        ),
    ],
)
def test_record_has_what_came_of_it(
    result: dict[str, Any] | None, decided: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert told(result, **decided) == {
        "host": "web1",
        "made": False,
        "failed": False,
        "size": None,
        "folder": "",
        "skipped_by": "",
        **kept,
    }


def test_rollout_without_a_migration_keeps_nothing() -> None:
    assert backup_told("shop", {"web1": {}}, "web1") is None
