"""The version that a build would ask git for."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import read_project
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.versions import (
    version_environment,
)

DYNAMIC = '[project]\nname = "my-shop"\ndynamic = ["version"]\n'
HATCH = f"""{DYNAMIC}[build-system]
requires = ["hatchling", "hatch-vcs"]
build-backend = "hatchling.build"
[tool.hatch.version]
source = "vcs"
"""
SETUPTOOLS = f"""{DYNAMIC}[build-system]
requires = ["setuptools", "setuptools_scm>=8"]
build-backend = "setuptools.build_meta"
"""
PDM = f"""{DYNAMIC}[build-system]
build-backend = "pdm.backend"
[tool.pdm.version]
source = "scm"
"""
POETRY = """[tool.poetry]
name = "my-shop"
version = "0.0.0"
[tool.poetry-dynamic-versioning]
enable = true
[build-system]
build-backend = "poetry_dynamic_versioning.backend"
"""
VERSIONINGIT = f"""{DYNAMIC}[build-system]
requires = ["setuptools", "versioningit"]
build-backend = "setuptools.build_meta"
[tool.versioningit]
"""


def environment(
    pyproject: str, described: str = "v1.4.0-0-gabc1234", kind: str = "git", **files: str
) -> dict[str, str]:
    project = read_project(Tree.of({"pyproject.toml": pyproject, **files}), "")
    return version_environment(project, described, kind)


def scm(version: str) -> dict[str, str]:
    name = "SETUPTOOLS_SCM_PRETEND_VERSION"
    return {name: version, f"{name}_FOR_MY_SHOP": version}


@pytest.mark.parametrize(
    ("pyproject", "told"),
    [
        (HATCH, scm("1.4.0")),
        (SETUPTOOLS, scm("1.4.0")),
        (PDM, {"PDM_BUILD_SCM_VERSION": "1.4.0"}),
        (POETRY, {"POETRY_DYNAMIC_VERSIONING_BYPASS": "1.4.0"}),
        (
            HATCH.replace('"vcs"', '"uv-dynamic-versioning"'),
            {"UV_DYNAMIC_VERSIONING_BYPASS": "1.4.0"},
        ),
        (HATCH.replace('"vcs"', '"env"'), {}),
        (HATCH.replace('dynamic = ["version"]', 'version = "2"'), {}),
        (POETRY.replace("true", "false"), {}),
        ('[project]\nname = "shop"\nversion = "1"\n', {}),
    ],
)
def test_each_tool_is_told_by_its_own_variable(pyproject: str, told: dict[str, str]) -> None:
    assert environment(pyproject) == told


def test_setup_script_asks_for_it_as_well() -> None:
    told = environment("", **{"setup.py": "setup(use_scm_version=True)"})
    assert told == {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.4.0"}


@pytest.mark.parametrize(
    ("described", "version"),
    [
        ("v1.4.0-0-gabc1234", "1.4.0"),
        ("1.4-0-gabc1234", "1.4"),
        ("shop@1.4.0-0-gabc1234", "1.4.0"),
        ("my-shop-v1.4.0-0-gabc1234", "1.4.0"),
        ("release/1.4.0-0-gabc1234", "1.4.0"),
        ("v1.4.0-rc.1-0-gabc1234", "1.4.0rc1"),
        ("v1.4.0-1-0-gabc1234", "1.4.0.post1"),
        ("v1.4.0-3-gabc1234", "1.4.1.dev3+gabc1234"),
        ("v1.4.0rc1-3-gabc1234", "1.4.0rc2.dev3+gabc1234"),
        ("v1.4.0-0-gabc1234-dirty", "1.4.1.dev0+gabc1234.dirty"),
        ("v9-2-gabc1234", "10.dev2+gabc1234"),
        ("abc1234", "0.1.dev0+gabc1234"),
    ],
)
def test_version_is_what_setuptools_scm_would_say(described: str, version: str) -> None:
    assert environment(HATCH, described) == scm(version)


@pytest.mark.parametrize(
    ("settings", "described", "version"),
    [
        ('tag-pattern = "api-(?P<version>.+)"', "api-2.0-0-gabc1234", "2.0"),
        ('tag-pattern = "^v(.*)-lts$"', "v2.0-lts-0-gabc1234", "2.0"),
        # One that does not fit, or is no regular expression, leaves the usual reading.
        ('tag-pattern = "^x(.*)$"', "v2.0-0-gabc1234", "2.0"),
        ('tag-pattern = "("', "v2.0-0-gabc1234", "2.0"),
    ],
)
def test_pattern_of_the_project_counts(settings: str, described: str, version: str) -> None:
    assert environment(f"{HATCH}{settings}\n", described) == scm(version)


def test_source_distribution_tells_its_own() -> None:
    assert environment(HATCH, "", "archive", **{"PKG-INFO": "Version: 1"}) == {}


def test_fallback_of_the_project_is_enough() -> None:
    assert environment(f'{HATCH}fallback-version = "1"\n', "", "path") == {}


@pytest.mark.parametrize(
    ("pyproject", "described", "kind", "message"),
    [
        (
            HATCH,
            "",
            "path",
            "the version of my-shop comes from git, by hatch-vcs; a host has no git history, and a "
            "source of type path has no history; use app_source type git, or set fallback-version "
            "in [tool.hatch.version]",
        ),
        (
            SETUPTOOLS,
            "nightly-3-gabc1234",
            "git",
            "the version of my-shop comes from git, by setuptools-scm; a host has no git history, "
            "and git describes the commit as nightly-3-gabc1234, which has no version; tag a "
            "commit with one, such as v1.4.0, or set fallback_version in [tool.setuptools_scm]",
        ),
        (
            VERSIONINGIT,
            "v1.4.0-0-gabc1234",
            "git",
            "the version of my-shop comes from git, by versioningit; a host has no git history, "
            "and versioningit cannot be told one; write it into pyproject.toml, or set "
            "default-version in [tool.versioningit]",
        ),
    ],
)
def test_version_that_cannot_be_known_is_refused(
    pyproject: str, described: str, kind: str, message: str
) -> None:
    with pytest.raises(SourceError) as error:
        environment(pyproject, described, kind)
    assert str(error.value) == message
