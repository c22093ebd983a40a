"""The roles' variables as a user sets them: a misspelt one is named, and text becomes its type.

An INI inventory has only text where it has no Python literal: `true` is a text there, and so is
each value of `-e name=value`. A role's argument spec accepts such a text, but does not convert it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common import validation
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    kind,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import is_extra

#: How a text becomes a value of a type, and what a message calls the type.
_TYPES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "bool": (validation.check_type_bool, "true or false"),
    "int": (validation.check_type_int, "a whole number"),
    "float": (validation.check_type_float, "a number"),
    "list": (validation.check_type_list, "a list"),
    "dict": (validation.check_type_dict, "a mapping"),
}
#: The greatest of numbers by the end of their name: RFC 6335 for ports; none is below 0.
_GREATEST = {"_port": 65_535, "_percent": 100}
#: What roles read as a text as well: templates convert it where it is used.
_PLAIN = ("bool", "int", "float")


@cache
def role_options(roles: Path) -> dict[str, str]:
    """Return the type of each variable of the roles, as their argument specs have it."""
    options = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        entries = yaml.safe_load(path.read_text())["argument_specs"].values()
        for entry in entries:
            for name, option in entry.get("options", {}).items():
                options[name] = option.get("type", "str")
    return options


def unknown(
    names: Iterable[str], options: Mapping[str, str], results: Iterable[str], extra: list[str]
) -> list[Problem]:
    """Refuse unknown names with a role's prefix: otherwise a typo would be ignored silently.

    Args:
        names: Those that begin with the name of a role.
        options: From `role_options`.
        results: What the roles leave behind.
        extra: The user's own, from `fleet_extra_variables`.
    """
    problems = []
    for name in sorted(set(names) - options.keys() - set(results)):
        if is_extra(name, extra):
            continue
        near = _near(name, options)
        advice = f"did you mean {near}? rename it" if near else "remove it"
        problems.append(
            Problem(
                name,
                f"{name} is not a variable of asgi.fleet's roles; {advice}, "
                "or list it in fleet_extra_variables if it is your own",
            )
        )
    return problems


def _near(name: str, options: Iterable[str]) -> str:
    """Return the variable that somebody may have meant: one with more words, or one like it."""
    words = set(name.split("_"))
    longer = [option for option in options if words <= set(option.split("_"))]
    # The name of the role alone is no likeness.
    alike = difflib.get_close_matches(name, options, n=1, cutoff=0.85)
    return min(longer, key=len) if longer else next(iter(alike), "")


def converted(
    given: Mapping[str, Any], options: Mapping[str, str], fixed: Iterable[str]
) -> tuple[dict[str, Any], list[Problem]]:
    """Return texts as values of their types, and what is no value of its type.

    Args:
        given: What the user has set; a template that only a role can resolve is left alone.
        options: From `role_options`.
        fixed: Variables of the command line, which nothing can replace.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        convert, allowed = _TYPES.get(options.get(name, "str"), (None, ""))
        if convert is None or not isinstance(value, str) or "{{" in value or "{%" in value:
            continue
        findings = Findings(name)
        try:
            # An empty text is no value, as for a module.
            values[name] = convert(value)
        except (TypeError, ValueError):
            findings.refuse(seen(value), allowed)
        else:
            if name in fixed and options[name] not in _PLAIN:
                del values[name]
                findings.refuse(
                    f"{kind(value)} on the command line",
                    allowed,
                    f"give it as JSON: -e '{{\"{name}\": ...}}'",
                )
        problems += findings.problems
    return values, problems


def out_of_range(given: Mapping[str, Any], options: Mapping[str, str]) -> list[Problem]:
    """Refuse numbers that nothing can be: a negative size, time or count, a port that none has.

    Args:
        given: What the user has set, converted.
        options: From `role_options`.
    """
    problems = []
    for name, value in given.items():
        if options.get(name) != "int" or not isinstance(value, int):
            continue
        greatest = next((most for end, most in _GREATEST.items() if name.endswith(end)), None)
        if value < 0 or (greatest is not None and value > greatest):
            findings = Findings(name)
            allowed = "0 or more" if greatest is None else f"a number from 0 to {greatest}"
            findings.refuse(seen(value), allowed)
            problems += findings.problems
    return problems
