"""The hash of a plan, and the file that a plan is kept in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, TypedDict, cast

from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import SCHEMA, Document

#: Hexadecimal digits of a hash.
LENGTH = 16
HASH = re.compile(rf"[0-9a-f]{{{LENGTH}}}")


class PlanFileError(Exception):
    """A file has no plan that can be used; the message says why and what to do."""


class Kept(TypedDict):
    """A plan as it is kept. The hash is that of `plan` alone.

    Keys:
        hash: Of the plan.
        made_at: Unix time.
        made_by: As `user@machine`.
        plan: The plan.
        lines: The same for people.
    """

    hash: str
    made_at: int
    made_by: str
    plan: Document
    lines: list[str]


def hash_of(plan: Mapping[str, Any]) -> str:
    """Return the hash of a plan: of its JSON with sorted keys, without spaces."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def as_text(kept: Kept) -> str:
    """Return a plan as the content of its file."""
    return json.dumps(kept, indent=2, sort_keys=True) + "\n"


def from_text(text: str, name: str, wanted: str) -> Kept:
    """Return the plan that a file has.

    Args:
        text: Its content.
        name: What a message calls it.
        wanted: The hash that it must have.

    Raises:
        PlanFileError: It is no plan, another one, or not as it was written.
    """
    again = "make a new plan: -e plan_only=true"
    try:
        kept = json.loads(text)
        plan, told = kept["plan"], kept["hash"]
        schema = plan["schema"]
    except (ValueError, KeyError, TypeError):
        raise PlanFileError(f"{name} is no plan; expected a file that plan_only wrote") from None
    if schema != SCHEMA:
        raise PlanFileError(
            f"{name} has the schema {schema}; expected {SCHEMA}, that of this asgi.fleet; {again}"
        )
    if hash_of(plan) != told:
        raise PlanFileError(
            f"{name} is not as it was written: its plan has the hash {hash_of(plan)}; expected "
            f"{told}, as it says itself; {again}"
        )
    if told != wanted:
        raise PlanFileError(
            f"{name} has the plan {told}; expected {wanted}, as plan says; give the file of that"
        )
    return cast("Kept", kept)
