"""What the command line says of a plan: make one, or do one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)

#: As `plugin_utils/plan/identity.py` makes them.
_HASH = re.compile(r"[0-9a-f]{16}")
_TRUE = ("true", "yes", "on", "1")
_BOOLEANS = (*_TRUE, "false", "no", "off", "0")


def plan_problems(given: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with `plan`, `plan_only` and `plan_file`.

    Args:
        given: Those of them that are set.
    """
    only, plan, file = (Findings(name) for name in ("plan_only", "plan", "plan_file"))
    makes = str(given.get("plan_only", "false")).lower()
    if makes not in _BOOLEANS:
        only.refuse(seen(given["plan_only"]), "true or false", "correct -e plan_only=...")
    if "plan" in given:
        # A hash of digits alone is a number where the command line is YAML.
        if not _HASH.fullmatch(str(given["plan"])):
            plan.refuse(
                seen(given["plan"]),
                "the 16 digits from 0 to f that name a plan",
                "copy them from the plan that -e plan_only=true has shown",
            )
        if makes in _TRUE:
            only.refuse(
                f"true, and plan is {seen(given['plan'])}",
                "one of the two",
                "remove plan_only to do what was planned, or plan to make a new plan",
            )
    elif "plan_file" in given and makes not in _TRUE:
        file.refuse(
            seen(given["plan_file"]),
            "it beside plan_only or plan",
            "add -e plan_only=true to write the plan there, or -e plan=<hash> to read it",
        )
    if "plan_file" in given and not str(given["plan_file"] or "").strip():
        file.refuse("empty", "a path on the controller", "correct -e plan_file=...")
    return [problem for one in (only, plan, file) for problem in one.problems]
