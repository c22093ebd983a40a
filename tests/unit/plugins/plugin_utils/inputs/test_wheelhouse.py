"""Where hosts install from, and who builds: refused before a host is touched."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.wheelhouse import (
    wheelhouse_problems,
)

FROM, BUILDERS = "python_release_install_from", "python_release_builders"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {BUILDERS: ["build1"]},
        {FROM: "wheelhouse", BUILDERS: ["build1", "localhost"]},
    ],
)
def test_what_fits_passes(settings: dict[str, object]) -> None:
    assert wheelhouse_problems(settings, ["web1", "build1"]) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({FROM: "wheels"}, "python_release_install_from is wheels; expected index or wheelhouse"),
        ({FROM: "wheelhouse"}, "python_release_builders is empty, and python_release_install_from"),
        ({BUILDERS: "build1"}, "python_release_builders is build1; expected a list"),
        ({BUILDERS: ["buidl1"]}, "python_release_builders is buidl1; expected the name of a host"),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, object], told: str) -> None:
    (problem,) = wheelhouse_problems(settings, ["web1", "build1"])
    assert problem.message.startswith(told)
