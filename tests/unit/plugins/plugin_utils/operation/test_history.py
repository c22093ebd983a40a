"""The history of a fleet: what several hosts remember is one line, and gaps of memory are told."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.history import (
    fleet_history,
    history_document,
    history_lines,
)

APPS = {"web1": "shop", "web2": "shop"}
FIRST, SECOND = "20261128T101112-5f3a", "20261128T111112-0b1c"


def rollout(identity: str = FIRST, **changed: object) -> dict[str, Any]:
    return {
        "id": identity,
        "who": "ada@laptop",
        "kind": "release",
        "outcome": "succeeded",
        "began_at": 1000.0 if identity == FIRST else 2000.0,
        "ended_at": 1030.5 if identity == FIRST else 2010.0,
        "release": "1.1",
        "before": "1.0",
        "commit": "c0ffee",
        "subject": "Sell more",
        "reason": "",
        "receipt": {"requests": 100, "failed": 1},
    } | changed


def command(**changed: object) -> dict[str, Any]:
    return {
        "id": "5f3a0b1c",
        "who": "bob@desk",
        "command": "python manage.py check",
        "release": "1.1",
        "began": 1500.0,
        "noted": {"at": 1502.0, "result": "success", "status": "0"},
    } | changed


def test_history_puts_the_hosts_of_a_rollout_together() -> None:
    looked: dict[str, Any] = {
        "web1": {"rollouts": [rollout()], "commands": []},
        "web2": {"rollouts": [rollout(ended_at=1040.0)], "commands": []},
    }
    (done,) = fleet_history(APPS, looked, 20)
    assert done["hosts"] == ["web1", "web2"]
    assert (done["requests"], done["failed"]) == (200, 2)
    assert (done["began_at"], done["seconds"]) == (1000.0, 40.0)
    assert (done["outcome"], done["subject"], done["missing"]) == ("succeeded", "Sell more", [])


def test_history_is_the_latest_first_and_no_longer_than_asked() -> None:
    looked: dict[str, Any] = {
        "web1": {"rollouts": [rollout(), rollout(SECOND)], "commands": [command()]},
    }
    done = fleet_history(APPS, looked, 2)
    assert [one["kind"] for one in done] == ["release", "run"]
    assert [one["id"] for one in fleet_history(APPS, looked, 20)][-1] == FIRST


def test_history_takes_the_worst_of_what_hosts_remember() -> None:
    looked: dict[str, Any] = {
        "web1": {"rollouts": [rollout(outcome="reverted", reason="bad")], "commands": []},
        "web2": {"rollouts": [rollout(receipt=None)], "commands": []},
    }
    (done,) = fleet_history(APPS, looked, 20)
    assert (done["outcome"], done["reason"]) == ("reverted", "bad")
    assert done["requests"] == 100


def test_history_names_a_host_that_was_down() -> None:
    looked: dict[str, Any] = {
        "web1": {"rollouts": [rollout(), rollout(SECOND)], "commands": []},
        "web2": {"rollouts": [rollout()], "commands": []},
    }
    done = fleet_history(APPS, looked, 20)
    assert [one["missing"] for one in done] == [["web2"], []]
    assert f"web2: no memory of {SECOND}; was down, or left out" in history_lines(
        done, APPS, looked
    )


def test_history_does_not_miss_a_host_that_is_new() -> None:
    looked: dict[str, Any] = {
        "web1": {"rollouts": [rollout(), rollout(SECOND)], "commands": []},
        "web2": {"rollouts": [rollout(SECOND)], "commands": []},
    }
    assert all(one["missing"] == [] for one in fleet_history(APPS, looked, 20))


def test_history_names_a_host_that_does_not_answer() -> None:
    looked: dict[str, Any] = {
        "web1": {"rollouts": [rollout()], "commands": []},
        "web2": {"unreachable": True},
    }
    lines = history_lines(fleet_history(APPS, looked, 20), APPS, looked)
    assert lines[-1] == "web2: did not answer; what only they remember is not here"


def test_history_of_a_command_says_how_it_ended() -> None:
    ended = {"at": 1502.0, "result": "exit-code", "status": "3"}
    for noted, outcome in (({}, "running"), (ended, "failed"), (command()["noted"], "succeeded")):
        looked = {"web1": {"rollouts": [], "commands": [command(noted=noted)]}}
        (done,) = fleet_history(APPS, looked, 20)
        assert (done["kind"], done["outcome"]) == ("run", outcome)
    assert done["seconds"] == 2.0


def test_table_has_a_line_for_each_and_shortens_long_texts() -> None:
    looked: dict[str, Any] = {
        "web1": {"rollouts": [rollout(subject="x" * 60)], "commands": []},
        "web2": {"rollouts": []},
    }
    head, line = history_lines(fleet_history(APPS, looked, 20), APPS, looked)
    assert head.split("  ")[0] == "WHEN (UTC)"
    assert line.startswith("1970-01-01 00:16  release  1.1")
    assert line.endswith(f"  {'x' * 45}...")


def test_table_of_a_new_fleet_says_so() -> None:
    looked: dict[str, Any] = {host: {"rollouts": [], "commands": []} for host in APPS}
    assert history_lines([], APPS, looked) == ["nothing was done yet, as far as the hosts remember"]


def test_table_of_several_applications_names_each() -> None:
    apps = {"web1": "shop", "api1": "api"}
    looked: dict[str, Any] = {host: {"rollouts": [rollout()], "commands": []} for host in apps}
    lines = history_lines(fleet_history(apps, looked, 20), apps, looked)
    assert lines[0].startswith("APP")
    assert {line.split()[0] for line in lines[1:3]} == {"shop", "api"}


def test_document_is_one_line_of_json() -> None:
    looked: dict[str, Any] = {"web1": {"rollouts": [rollout()], "commands": []}}
    text = history_document(fleet_history(APPS, looked, 20))
    assert "\n" not in text
    assert json.loads(text)["history"][0]["id"] == FIRST
