"""The file of a plan: what is read is what was written, or it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.identity import (
    Kept,
    PlanFileError,
    as_text,
    from_text,
    hash_of,
)

from tests.unit.plugins.plugin_utils.plan.planned_fleet import host, plan

PLAN = plan({"web1": host()})
KEPT: Kept = {
    "hash": hash_of(PLAN),
    "made_at": 1795241400,
    "made_by": "ada@laptop",
    "plan": PLAN,
    "lines": ["plan"],
}


def test_file_is_read_as_it_was_written() -> None:
    assert from_text(as_text(KEPT), "plan.json", KEPT["hash"]) == KEPT


def changed(**parts: Any) -> str:  # noqa: ANN401
    return json.dumps({**KEPT, **parts})


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("", KEPT["hash"], "plan.json is no plan"),
        ("[]", KEPT["hash"], "plan.json is no plan"),
        ('{"hash": "0123456789abcdef"}', KEPT["hash"], "plan.json is no plan"),
        (changed(plan={**PLAN, "schema": 2}), KEPT["hash"], "has the schema 2; expected 1"),
        (changed(plan={**PLAN, "changes": False}), KEPT["hash"], "is not as it was written"),
        (as_text(KEPT), "f" * 16, f"has the plan {KEPT['hash']}; expected {'f' * 16}"),
    ],
    ids=["empty", "list", "no plan", "schema", "edited", "another"],
)
def test_file_is_refused(text: str, wanted: str, told: str) -> None:
    with pytest.raises(PlanFileError, match=told):
        from_text(text, "plan.json", wanted)
