"""Which names of Debian packages are accepted, and what is said about the others."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.packages import system_packages
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings


def check(value: object) -> tuple[list[str], list[str]]:
    findings = Findings("app_system_packages")
    return system_packages(value, findings), [one.message for one in findings.problems]


@pytest.mark.parametrize(
    "value",
    [[], ["git"], ["libstdc++6", "g++", "libpango-1.0-0", "libglib2.0-0t64", "7zip"]],
)
def test_names_of_packages_are_accepted(value: list[str]) -> None:
    assert check(value) == (value, [])


def test_one_name_may_stand_alone_and_each_counts_once() -> None:
    assert check("git") == (["git"], [])
    assert check(["git", "libpq5", "git"]) == (["git", "libpq5"], [])


@pytest.mark.parametrize("version", ["git=1:2.47.3-0", "git/trixie-backports", "git:arm64"])
def test_version_is_the_distributions(version: str) -> None:
    assert check(["ffmpeg", version])[1] == [
        f"app_system_packages[1] is {version}; expected the name alone, since the host's "
        "distribution decides which version it has; write git"
    ]


@pytest.mark.parametrize(
    "name", ["", "x", "Git", "lib_pq", "-y", "git curl", "a;id", "git\n", 7, None]
)
def test_anything_else_is_refused(name: object) -> None:
    (told,) = check([name])[1]
    assert told.startswith("app_system_packages[0] is ")
    assert "expected the name of a Debian package, such as libpq5" in told
