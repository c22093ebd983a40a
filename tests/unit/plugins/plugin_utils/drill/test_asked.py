"""What is asked of a drill: confirmed, allowed by the inventory, and nothing that asks again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.parsing.splitter import parse_kv
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.asked import asked, prompts
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.requests import CommandLine


def parse(text: str) -> Mapping[str, object]:
    found: dict[str, object] = parse_kv(text)
    return found


def ask(*options: str, allowed: object = True) -> tuple[dict[str, Any], list[str]]:
    """Return what is to be done, and what is refused."""
    variables: dict[str, object] = {}
    for option in options:
        variables.update(parse(option))
    line = CommandLine(options, variables, parse)
    request = asked(line, "shop", allowed)
    return request, [problem.message for problem in line.problems]


def test_a_confirmed_drill_does_everything() -> None:
    request, refused = ask("drill=shop")
    assert refused == []
    assert [one["name"] for one in request.pop("exercises")] == [
        *("kill_worker", "kill_master", "reload_nginx", "full_disk"),
        *("bad_start", "bad_health", "bad_canary", "host_lost"),
        *("good_release", "rollback", "restart"),
    ]
    assert request == {"seconds": 5, "rate": 20, "path": "", "disk_mb": 10_240}


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        (
            [],
            "drill is not set; expected shop, the app_name of these hosts, since a drill breaks "
            "what they serve with; to confirm that: -e drill=shop",
        ),
        (
            ["drill=shop2"],
            "drill is shop2; expected shop, the app_name of these hosts, since a drill breaks "
            "what they serve with; to confirm that: -e drill=shop",
        ),
        (
            ["drill=shop", "drill_only=kill_worker,kill_all"],
            "drill_only is kill_all; expected some of kill_worker, kill_master, reload_nginx, "
            "full_disk, bad_start, bad_health, bad_canary, host_lost, good_release, rollback, "
            "restart; or all, kills, bad_release, mend; correct -e drill_only=...",
        ),
        (
            ["drill=shop", "drill_rate=0"],
            "drill_rate is 0; expected a number from 1 to 500; correct -e drill_rate=...",
        ),
        (
            ["drill=shop", "drill_seconds=soon"],
            "drill_seconds is soon; expected a number from 1 to 600; correct -e drill_seconds=...",
        ),
        (
            ["drill=shop", "drill_path=healthz"],
            "drill_path is healthz; expected a path of the application, such as /healthz; "
            "correct -e drill_path=...",
        ),
        (
            ["drill=shop", "fleet_drill_allowed=true"],
            "fleet_drill_allowed is set on the command line; expected it in the inventory of a "
            "staging fleet alone; set it in group_vars/app.yml of that inventory",
        ),
    ],
)
def test_what_is_wrong_is_refused(options: list[str], refused: str) -> None:
    assert ask(*options)[1] == [refused]


def test_an_inventory_that_does_not_allow_it_refuses() -> None:
    assert ask("drill=shop", allowed=False)[1] == [
        "fleet_drill_allowed is false; expected true, which only the inventory of a staging fleet "
        "has; set it in group_vars/app.yml of that inventory"
    ]


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("bad_release", ["bad_start", "bad_health", "bad_canary"]),
        ("kill_worker, bad_start", ["kill_worker", "bad_start"]),
        # What one begins, the other ends.
        ("good_release", ["good_release", "rollback"]),
        ("rollback", ["good_release", "rollback"]),
        ("mend", []),
    ],
)
def test_exercises_are_chosen_by_name(only: str, names: list[str]) -> None:
    request, refused = ask("drill=shop", f"drill_only='{only}'")
    assert refused == []
    assert [one["name"] for one in request["exercises"]] == names


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"ask_pass": True}, "-k (--ask-pass) is given"),
        ({"become_ask_pass": True}, "-K (--ask-become-pass) is given"),
        ({"ask_vault_pass": True}, "--ask-vault-pass (-J) is given"),
        ({"vault_ids": ["prod@prompt"]}, "--vault-id is prod@prompt"),
        ({"vault_password_files": ["/dev/stdin"]}, "--vault-password-file is /dev/stdin"),
        ({"connection_password_file": "-"}, "--connection-password-file is -"),
    ],
)
def test_options_that_ask_are_refused(options: dict[str, Any], refused: str) -> None:
    (told,) = prompts(options)
    assert told.startswith(refused)
    assert "a drill calls ansible-playbook several times; " in told


def test_options_that_do_not_ask_are_taken() -> None:
    options = {"vault_ids": ["prod@/run/key"], "vault_password_files": ["key"], "ask_pass": False}
    assert prompts(options) == []
