"""What the command line may say of a plan."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.plan import plan_problems

HASH = "9f86d081884c7d65"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"plan_only": "true"},
        {"plan_only": True, "plan_file": "plan.json"},
        {"plan_only": "no"},
        {"plan": HASH},
        {"plan": HASH, "plan_file": "plan.json"},
        {"plan": HASH, "plan_only": False},
        {"plan": 1234567890123456},
    ],
    ids=str,
)
def test_command_line_that_makes_sense_passes(given: dict[str, Any]) -> None:
    assert plan_problems(given) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"plan_only": "maybe"},
            "plan_only is maybe; expected true or false; correct -e plan_only=...",
        ),
        (
            {"plan": "9f86"},
            "plan is 9f86; expected the 16 digits from 0 to f that name a plan; copy them from the "
            "plan that -e plan_only=true has shown",
        ),
        (
            {"plan": ""},
            "plan is empty; expected the 16 digits from 0 to f that name a plan; copy them from "
            "the plan that -e plan_only=true has shown",
        ),
        (
            {"plan": HASH, "plan_only": "true"},
            f"plan_only is true, and plan is {HASH}; expected one of the two; remove plan_only to "
            "do what was planned, or plan to make a new plan",
        ),
        (
            {"plan_file": "plan.json"},
            "plan_file is plan.json; expected it beside plan_only or plan; add -e plan_only=true "
            "to write the plan there, or -e plan=<hash> to read it",
        ),
        (
            {"plan_file": "", "plan_only": True},
            "plan_file is empty; expected a path on the controller; correct -e plan_file=...",
        ),
    ],
    ids=["no boolean", "no hash", "empty hash", "both", "file alone", "empty file"],
)
def test_command_line_that_does_not_is_refused_by_name(given: dict[str, Any], told: str) -> None:
    assert [problem.message for problem in plan_problems(given)] == [told]
