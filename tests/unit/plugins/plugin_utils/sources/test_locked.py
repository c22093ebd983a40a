"""Locks of PDM and Pipenv as requirements files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.installing import (
    Origin,
    Wishes,
    plan,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree

HASH = f"sha256:{64 * 'a'}"
PYPROJECT = """
[project]
name = "shop"
version = "1"
dependencies = ["Fast_API>=0.110", "pywin32; sys_platform == 'win32'"]
[project.optional-dependencies]
server = ["psycopg"]
[dependency-groups]
prod = ["sentry-sdk"]
dev = ["ruff"]
[tool.pdm]
distribution = false
"""
PDM_LOCK = f"""
[metadata]
groups = ["default", "server", "prod", "dev"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"
content_hash = "sha256:0"

[[package]]
name = "fast-api"
version = "0.115.0"
groups = ["default"]
marker = 'python_version >= "3.10"'
files = [{{file = "b.whl", hash = "{HASH}"}}, {{file = "a.tar.gz", hash = "{HASH[:-1]}0"}}]

[[package]]
name = "fast-api"
version = "0.115.0"
extras = ["all"]
groups = ["default"]
dependencies = ["fast-api==0.115.0"]

[[package]]
name = "psycopg"
version = "3.2.0"
groups = ["server"]
files = [{{file = "p.whl", hash = "{HASH}"}}]

[[package]]
name = "sentry-sdk"
version = "2.0.0"
groups = ["prod", "dev"]
files = [{{file = "s.whl", hash = "{HASH}"}}]

[[package]]
name = "ruff"
version = "0.9.0"
groups = ["dev"]
files = [{{file = "r.whl", hash = "{HASH}"}}]

[[package]]
name = "common"
version = "1"
path = "../libs/common"
editable = true
groups = ["default"]

[[package]]
name = "forked"
version = "1"
git = "https://git.example.com/forked.git"
revision = "0123abcd"
groups = ["default"]
"""
PIPFILE = (
    '[packages]\nfastapi = ">=0.110"\nhttpx = {extras = ["http2"]}\n[dev-packages]\nruff = "*"\n'
)
PIPFILE_LOCK = {
    "_meta": {"hash": {}, "sources": [{"name": "pypi", "url": "https://mirror.example.com"}]},
    "default": {
        "fastapi": {"hashes": [HASH], "index": "pypi", "version": "==0.115.0"},
        "httpx": {
            "extras": ["http2"],
            "hashes": [HASH],
            "markers": "python_version >= '3.8'",
            "version": "==0.27.0",
        },
        "forked": {"git": "git@git.example.com:shop/forked.git", "ref": "0123abcd"},
        "common": {"path": "./libs/common", "editable": True},
    },
    "develop": {"ruff": {"hashes": [HASH], "version": "==0.9.0"}},
    "prod": {"sentry-sdk": {"hashes": [HASH], "version": "==2.0.0"}},
}


def lines(files: dict[str, str], folder: str = "", **wishes: Any) -> list[str]:  # noqa: ANN401
    asked = Wishes(**wishes)
    text = plan(Tree.of(files), folder, asked, Origin()).exported
    return text.replace(" \\\n    ", " ").splitlines()


def pdm(lock: str = PDM_LOCK, **wishes: Any) -> list[str]:  # noqa: ANN401
    return lines({"api/pyproject.toml": PYPROJECT, "api/pdm.lock": lock}, "api", **wishes)


def pipenv(lock: object = PIPFILE_LOCK, pipfile: str = PIPFILE, **wishes: Any) -> list[str]:  # noqa: ANN401
    text = lock if isinstance(lock, str) else json.dumps(lock)
    return lines({"Pipfile": pipfile, "Pipfile.lock": text}, **wishes)


def test_lock_of_pdm_is_installed_with_its_hashes() -> None:
    assert pdm() == [
        f'fast-api==0.115.0 ; python_version >= "3.10" --hash={HASH[:-1]}0 --hash={HASH}',
        "common @ file:../libs/common",
        "forked @ git+https://git.example.com/forked.git@0123abcd",
    ]


def test_lock_of_pdm_has_extras_and_groups() -> None:
    more = pdm(extras=["server"], groups=["prod"])
    assert f"psycopg==3.2.0 --hash={HASH}" in more
    assert f"sentry-sdk==2.0.0 --hash={HASH}" in more
    assert not [line for line in more if line.startswith("ruff")]


@pytest.mark.parametrize(
    ("lock", "wishes", "message"),
    [
        (
            PDM_LOCK.replace('"0.115.0"', '"0.100.0"'),
            {},
            "pdm.lock is out of date: the project asks for Fast_API>=0.110, and the lock has "
            "Fast_API 0.100.0; run pdm lock and commit the file",
        ),
        (
            PDM_LOCK.replace('name = "fast-api"', 'name = "other"'),
            {},
            "pdm.lock is out of date: the project asks for Fast_API>=0.110, and the lock has none "
            "of it; run pdm lock and commit the file",
        ),
        (
            PDM_LOCK.replace('"default", "server", "prod", "dev"', '"default"'),
            {"groups": ["prod"]},
            "pdm.lock has no prod; it was locked for default; run pdm lock --group :all and commit "
            "the file",
        ),
        (
            PDM_LOCK.replace("inherit_metadata", "cross_platform"),
            {},
            "pdm.lock does not say which package belongs to which group: it was made without the "
            "strategy inherit_metadata; run pdm lock --update-reuse --strategy inherit_metadata, "
            "or pdm export --prod --output requirements.txt, and commit the file",
        ),
        (
            PDM_LOCK.replace("../libs", "../../libs"),
            {},
            "the lock names ../../libs/common, outside of the source; use a source that contains "
            "it, with app_source.subdirectory for the project's folder",
        ),
    ],
)
def test_lock_of_pdm_that_cannot_be_used_is_refused(
    lock: str, wishes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceError) as error:
        pdm(lock, **wishes)
    assert str(error.value) == message


def test_lock_of_pipenv_is_installed_with_its_hashes() -> None:
    assert pipenv() == [
        f"fastapi==0.115.0 --hash={HASH}",
        f"httpx[http2]==0.27.0 ; python_version >= '3.8' --hash={HASH}",
        "forked @ git+ssh://git@git.example.com/shop/forked.git@0123abcd",
        "common @ file:libs/common",
    ]


def test_lock_of_pipenv_has_its_categories_as_groups() -> None:
    assert f"sentry-sdk==2.0.0 --hash={HASH}" in pipenv(groups=["prod"])
    with pytest.raises(SourceError) as error:
        pipenv(groups=["live"])
    assert str(error.value) == (
        "app_dependencies.groups is [live]; Pipfile.lock has the groups develop, prod; remove "
        "live, or add it"
    )


def test_index_of_a_pipfile_is_told() -> None:
    source = {"name": "internal", "url": "https://packages.example.com/simple"}
    lock = PIPFILE_LOCK | {"_meta": {"sources": [source]}}
    assert pipenv(lock)[0] == "--extra-index-url https://packages.example.com/simple"


@pytest.mark.parametrize(
    ("lock", "pipfile", "message"),
    [
        (
            PIPFILE_LOCK,
            '[packages]\nfastapi = "==0.116"\n',
            "Pipfile.lock is out of date: the project asks for fastapi==0.116, and the lock has "
            "fastapi 0.115.0; run pipenv lock and commit the file",
        ),
        (
            PIPFILE_LOCK,
            '[packages]\nalembic = "*"\n',
            "Pipfile.lock is out of date: the project asks for alembic, and the lock has none of "
            "it; run pipenv lock and commit the file",
        ),
        (
            "{}",
            "",
            "Pipfile.lock is not what pipenv writes; run pipenv lock and commit the file",
        ),
    ],
)
def test_lock_of_pipenv_that_cannot_be_used_is_refused(
    lock: object, pipfile: str, message: str
) -> None:
    with pytest.raises(SourceError) as error:
        pipenv(lock, pipfile)
    assert str(error.value) == message
