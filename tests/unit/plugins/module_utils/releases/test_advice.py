"""Which variable a refusal names, by what uv said."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.advice import advised


@pytest.mark.parametrize(
    ("output", "variable"),
    [
        (
            "error: The requested interpreter resolved to Python 3.13.5, which is incompatible "
            "with the project's Python requirement: `>=3.14`",
            "app_python chooses",
        ),
        (
            "  x No solution found\n  Because the current Python version (3.13.5) does not\n"
            "      satisfy Python>=3.14",
            "app_python chooses",
        ),
        (
            "error: Extra `servr` is not defined in the `optional-dependencies` table for `shop`",
            "app_dependencies names the extras and groups",
        ),
        (
            "error: Group `prd` is not defined in the project's `dependency-groups` table",
            "app_dependencies names the extras and groups",
        ),
        ("error: Requested extra not found: server", "app_dependencies names"),
        (
            "Building a package is not possible in non-package mode.",
            "app_package: false serves the source as it is",
        ),
        ("Multiple top-level packages discovered in a flat-layout: ['app', 'x']", "app_package: "),
        ("setuptools-scm was unable to detect version for /srv", "app_package: false"),
        ("fatal error: libpq-fe.h: No such file or directory", "app_system_packages"),
    ],
)
def test_variable_that_helps_is_named(output: str, variable: str) -> None:
    (told,) = advised(output, "app_")
    assert variable in told


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert advised("error: something else", "app_") == []
