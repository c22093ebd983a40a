"""Which versions of the server packages go together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.module_utils.releases import hashes, server_set

REPOSITORY = Path(__file__).resolve().parents[5]
SERVER = ("gunicorn==27.0.1", "uvicorn[standard]==0.54.0", "uvicorn-worker==0.4.0")


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [
        ("20.0.4", "20.1.0", True),
        ("20.1", "20.1.0", False),
        ("20.1.0.post1", "20.1.0", False),
        ("0.9.1", "0.22.0", True),
        ("0.22.0rc1", "0.22.0", False),
        ("27.0.1", "20.1.0", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, than: str, older: bool) -> None:
    assert server_set.is_older(version, than) is older


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        ({}, []),
        ({"gunicorn": "20.1.0", "uvicorn": "0.18.0", "uvicorn-worker": "0.2.0"}, []),
        ({"gunicorn": "19.9.0"}, ["gunicorn is 19.9.0, and 20.1.0 or later is needed"]),
        ({"uvicorn": "0.17.6"}, ["uvicorn is 0.17.6, and 0.18.0 or later is needed"]),
        (
            {"uvicorn": "0.54.0", "uvicorn-worker": "0.3.0"},
            ["uvicorn-worker is 0.3.0, and uvicorn 0.54.0 needs 0.4.0 or later"],
        ),
        (
            {"uvicorn": "0.54.0", "websockets": "10.4"},
            ["websockets is 10.4, and uvicorn 0.54.0 needs 13.0 or later"],
        ),
        ({"uvicorn": "0.49.0", "websockets": "10.4"}, []),
    ],
)
def test_what_is_too_old_is_told_with_what_is_needed(
    versions: dict[str, str], told: list[str]
) -> None:
    assert server_set.problems(versions) == told


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ({}, ["gunicorn==27.0.1", "uvicorn[standard]==0.54.0"]),
        ({"gunicorn": "23.0.0"}, ["uvicorn[standard]==0.54.0"]),
        ({"gunicorn": "23.0.0", "uvicorn": "0.30.6"}, []),
    ],
)
def test_what_the_application_brings_is_not_added(own: dict[str, str], added: list[str]) -> None:
    assert server_set.missing(SERVER, own) == added


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ({"uvicorn": "0.38.0"}, ["websockets", "httptools", "uvloop"]),
        ({"uvicorn": "0.38.0", "wsproto": "1.2.0"}, ["httptools", "uvloop"]),
        ({"uvicorn": "0.38.0", "websockets": "15.0", "httptools": "0.6.4"}, ["uvloop"]),
        # Those come with uvicorn[standard] then.
        ({}, []),
    ],
    ids=["plain", "with wsproto", "some", "no uvicorn"],
)
def test_plain_uvicorn_gets_the_libraries_that_it_lacks(
    own: dict[str, str], added: list[str]
) -> None:
    assert server_set.libraries(SERVER, own) == added
    assert server_set.libraries(["uvicorn==0.54.0"], own) == []


@pytest.mark.parametrize(
    ("uvicorn", "worker"),
    [("0.18.2", "0.3.0"), ("0.35.0", "0.3.0"), ("0.36.0", "0.4.0"), ("0.54.0", "0.4.0")],
)
def test_worker_fits_the_uvicorn_that_is_there(uvicorn: str, worker: str) -> None:
    assert server_set.worker(SERVER, {"uvicorn": uvicorn}) == f"uvicorn-worker=={worker}"
    assert server_set.worker(SERVER, {"uvicorn": uvicorn, "uvicorn-worker": "0.2.0"}) == ""
    # Whoever serves with something else.
    assert server_set.worker(["hypercorn==0.18.0"], {"uvicorn": uvicorn}) == ""


def test_relaxed_requirements_keep_their_extras_and_their_floor() -> None:
    assert server_set.relaxed([*SERVER[:2], "websockets"]) == [
        "gunicorn>=20.1.0,<=27.0.1",
        "uvicorn[standard]>=0.18.0,<=0.54.0",
        "websockets",
    ]


@pytest.mark.parametrize(
    ("own", "needed"),
    [
        ({"gunicorn": "20.1.0", "setuptools": "84.2.1"}, True),
        ({"gunicorn": "20.1.0"}, True),
        ({"gunicorn": "20.1.0", "setuptools": "81.0.0"}, False),
        ({"gunicorn": "21.2.0", "setuptools": "84.2.1"}, False),
        ({"setuptools": "84.2.1"}, False),
    ],
)
def test_old_gunicorn_needs_a_setuptools_with_pkg_resources(
    own: dict[str, str], needed: bool
) -> None:
    assert server_set.needs_older_setuptools(own) is needed


def test_older_versions_have_their_hashes() -> None:
    for requirement in (server_set.OLDER_WORKER, server_set.OLDER_SETUPTOOLS):
        assert "--hash=sha256:" in hashes.entries_of(server_set.OLDER, requirement)


def test_default_server_packages_are_a_set() -> None:
    defaults = yaml.safe_load((REPOSITORY / "roles/python_release/defaults/main.yml").read_text())
    packages = defaults["python_release_server_packages"]
    assert tuple(packages) == SERVER
    versions = {server_set.name_of(one): one.partition("==")[2] for one in packages}
    assert server_set.problems(versions) == []
    del versions["uvicorn-worker"]
    assert server_set.worker(packages, versions) == packages[-1]


def test_documentation_has_the_floors() -> None:
    text = (REPOSITORY / "docs/operations.md").read_text()
    table = dict(re.findall(r"^\| `([a-z-]+)` \| ([0-9.]+) \|", text, re.M))
    assert table == server_set.FLOORS
