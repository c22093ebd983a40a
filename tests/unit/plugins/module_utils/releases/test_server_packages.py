"""Server packages beside what applications bring: toys of their names, installed by the real uv."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases import server_set
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import build

from tests.unit.plugins.module_utils.release_host import (
    APPLICATION,
    Pack,
    installed,
    refused,
    wheel,
)

pytestmark = pytest.mark.usefixtures("confinements")

SERVER = ["gunicorn==27.0.1", "uvicorn[standard]==0.54.0", "uvicorn-worker==0.4.0"]


def locked(*wheels: Path) -> str:
    """Return a lock with hashes of some wheels."""
    entries = []
    for path in wheels:
        name, version = path.name.split("-")[:2]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entries.append(f"{name.replace('_', '-')}=={version} \\\n    --hash=sha256:{digest}\n")
    return "".join(entries)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Fields of a recipe with our server packages and their lock; the mirror has older ones."""
    folder = tmp_path / "wheels"
    libraries = [wheel(folder, name, "9.0") for name in ("websockets", "httptools", "uvloop")]
    needs = "websockets>=13; extra == 'standard'"
    ours = [
        wheel(folder, "gunicorn", "27.0.1"),
        wheel(folder, "uvicorn", "0.54.0", requires=needs),
        wheel(folder, "uvicorn_worker", "0.4.0", requires="gunicorn>=21"),
        wheel(folder, "websockets", "17.0"),
        *libraries[1:],
    ]
    for version in ("0.38.0", "0.30.6", "0.17.6"):
        wheel(folder, "uvicorn", version)
    for version in ("20.1.0", "19.9.0"):
        wheel(folder, "gunicorn", version, requires="setuptools")
    wheel(folder, "setuptools", "84.2.1")
    older = [wheel(folder, "uvicorn_worker", "0.3.0"), wheel(folder, "setuptools", "81.0.0")]
    monkeypatch.setattr(server_set, "OLDER", locked(*older))
    return {"find_links": str(folder), "server_packages": SERVER, "server_lock": locked(*ours)}


def requiring(*names: str) -> dict[str, str]:
    return {"main.py": APPLICATION, "requirements.txt": "".join(f"{name}\n" for name in names)}


NEW = {"gunicorn": "27.0.1", "uvicorn": "0.54.0", "uvicorn-worker": "0.4.0"}


def test_application_without_a_server_gets_ours(pack: Pack, mirror: dict[str, Any]) -> None:
    recipe = pack(requiring(), **mirror)
    manifest = build(recipe, {"notes": ["from the controller"]})
    assert manifest["installation"]["server"] == NEW
    assert (manifest["notes"], manifest["hashes"]) == (["from the controller"], "none")
    assert installed(recipe) == NEW | {"websockets": "17.0"}


@pytest.mark.parametrize(
    ("required", "server"),
    [
        (
            ["gunicorn==20.1.0", "uvicorn==0.30.6"],
            {"gunicorn": "20.1.0", "uvicorn": "0.30.6", "uvicorn-worker": "0.3.0"},
        ),
        # The newest worker says that it needs a newer Gunicorn, and does not.
        (["gunicorn==20.1.0"], NEW | {"gunicorn": "20.1.0"}),
        (["uvicorn==0.38.0"], NEW | {"uvicorn": "0.38.0"}),
        (["uvicorn==0.30.6"], NEW | {"uvicorn": "0.30.6", "uvicorn-worker": "0.3.0"}),
    ],
    ids=["both", "gunicorn", "uvicorn", "older uvicorn"],
)
def test_application_with_older_ones_gets_a_matching_set(
    pack: Pack, mirror: dict[str, Any], required: list[str], server: dict[str, str]
) -> None:
    recipe = pack(requiring(*required), **mirror)
    manifest = build(recipe, {})
    assert manifest["installation"]["server"] == server
    replaced = "setuptools==81.0.0 takes the place of 84.2.1: gunicorn 20.1.0 imports its "
    assert any(replaced in note for note in manifest["notes"]) is ("gunicorn==20.1.0" in required)
    assert installed(recipe).get("setuptools", "81.0.0") == "81.0.0"


def test_plain_uvicorn_gets_its_libraries_from_the_lock(pack: Pack, mirror: dict[str, Any]) -> None:
    recipe = pack(requiring("uvicorn==0.38.0"), **mirror)
    manifest = build(recipe, {})
    told = "uvicorn 0.38.0 came without websockets, httptools, uvloop: added"
    assert manifest["notes"] == [told]
    found = installed(recipe)
    assert (found["websockets"], found["httptools"], found["uvloop"]) == ("17.0", "9.0", "9.0")


def test_library_that_the_application_chose_stays(pack: Pack, mirror: dict[str, Any]) -> None:
    recipe = pack(requiring("uvicorn==0.38.0", "websockets==9.0"), **mirror)
    build(recipe, {})
    assert installed(recipe)["websockets"] == "9.0"


def test_set_bends_to_a_library_of_the_application(pack: Pack, mirror: dict[str, Any]) -> None:
    recipe = pack(requiring("websockets==9.0"), **mirror)
    manifest = build(recipe, {})
    assert manifest["installation"]["server"] == NEW | {"uvicorn": "0.38.0"}
    (note,) = manifest["notes"]
    assert note.startswith("gunicorn==27.0.1, uvicorn[standard]==0.54.0 does not fit")
    own = Path(mirror["find_links"]) / "websockets-9.0-py3-none-any.whl"
    files = {"main.py": APPLICATION, "requirements.txt": locked(own)}
    # Others have no hash.
    message = refused(pack(files, **mirror, require_hashes=True))
    assert message.startswith("gunicorn==27.0.1, uvicorn[standard]==0.54.0 (python_release_server_")


@pytest.mark.parametrize(
    ("required", "told"),
    [
        (["gunicorn==19.9.0"], "gunicorn is 19.9.0, and 20.1.0 or later is needed; "),
        (["uvicorn==0.17.6"], "uvicorn is 0.17.6, and 0.18.0 or later is needed; "),
        (
            ["uvicorn==0.54.0", "websockets==9.0"],
            "websockets is 9.0, and uvicorn 0.54.0 needs 13.0 or later; ",
        ),
        (
            ["uvicorn==0.54.0", "uvicorn-worker==0.3.0"],
            "uvicorn-worker is 0.3.0, and uvicorn 0.54.0 needs 0.4.0 or later; ",
        ),
    ],
)
def test_older_than_what_works_is_refused(
    pack: Pack, mirror: dict[str, Any], required: list[str], told: str
) -> None:
    message = refused(pack(requiring(*required), **mirror))
    assert message.startswith(f"{told}the dependencies (requirements.txt) chose it; ")
    assert message.endswith("; nothing live changed")


def test_setuptools_that_the_application_chose_is_not_replaced(
    pack: Pack, mirror: dict[str, Any]
) -> None:
    message = refused(pack(requiring("gunicorn==20.1.0", "setuptools==84.2.1"), **mirror))
    assert message.startswith(
        "setuptools is 84.2.1 by requirements.txt; gunicorn 20.1.0 needs one before 82.0.0"
    )


def test_older_worker_has_a_hash_as_well(pack: Pack, mirror: dict[str, Any]) -> None:
    path = Path(mirror["find_links"]) / "uvicorn-0.30.6-py3-none-any.whl"
    files = {"main.py": APPLICATION, "requirements.txt": locked(path)}
    manifest = build(pack(files, **mirror, require_hashes=True), {})
    assert manifest["hashes"] == "enforced"
    assert manifest["installation"]["server"]["uvicorn-worker"] == "0.3.0"
