"""A mirror that serves other bytes, or more packages, than were locked: nothing of it is installed.

The mirror is a folder on the host: an index before the ordinary one, or a folder of packages
beside it. At db2b25c a release took from it what no lock named: the server packages, what they
need in newer versions, what builds the project; and from the index a dependency that the
requirements did not list.
"""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from events import ROOT, Shop

APPLICATION = ROOT / "molecule/shared/apps/good/requirements_hashed"
LOCK = ROOT / "roles/python_release/files/server-requirements.txt"
MIRROR = "/srv/mirror"
#: What foreign code does here: whatever imports it fails.
FOREIGN = 'raise SystemExit("foreign code ran")\n'
BUILD_SYSTEM = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "shoplib"
version = "1.0"
requires-python = ">=3.10"
[tool.hatch.build.targets.wheel]
packages = ["shoplib"]
"""

Source = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def host(shop: Shop) -> Iterator[str]:
    """One host; in the end it has the shop again, and no mirror."""
    host = shop.hosts[0]
    yield host
    shop.shell(f"rm -rf {MIRROR}", host)
    shop.succeed("release", limit=host)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return `app_source` of the application with hashed requirements, after some changes."""

    def made(without: str = "", files: Mapping[str, str] | None = None) -> dict[str, Any]:
        folder = tmp_path / "application"
        shutil.copytree(APPLICATION, folder)
        requirements = folder / "requirements.txt"
        kept = re.sub(
            rf"^{without or '-'}==(.*\\\n)*.*\n", "", requirements.read_text(), flags=re.M
        )
        # Another release, and another lock: nothing that an earlier run built is used again.
        requirements.write_text(f"{kept}# {time.time_ns()}\n")
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        return {"type": "path", "path": str(folder)}

    return made


def serve(shop: Shop, host: str, *packages: tuple[str, str]) -> None:
    """Put packages, of foreign code, into the mirror: each in a folder, with its page."""
    for name, version in packages:
        wheel, info = io.BytesIO(), f"{name}-{version}.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{name}/__init__.py", FOREIGN)
            head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            archive.writestr(f"{info}/METADATA", head)
            tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            archive.writestr(f"{info}/WHEEL", tag)
            archive.writestr(f"{info}/RECORD", "")
        text = base64.b64encode(wheel.getvalue()).decode()
        file = f"{name}-{version}-py3-none-any.whl"
        shop.shell(
            f"mkdir -p {MIRROR}/{name} && cd {MIRROR}/{name} && echo {text} | base64 -d >{file}"
            f" && echo '<a href=\"{file}\">{file}</a>' >index.html",
            host,
        )


def test_dependency_that_the_requirements_do_not_list_is_refused(
    shop: Shop, host: str, source: Source
) -> None:
    told = shop.refuse("release", app_source=source(without="anyio"), limit=host)
    assert "no trusted hash was provided for: `anyio`" in " ".join(told.split())


def test_server_package_with_other_bytes_is_refused(shop: Shop, host: str, source: Source) -> None:
    serve(shop, host, ("gunicorn", "27.0.1"))
    index = {"UV_INDEX": f"file://{MIRROR}"}
    told = shop.refuse(
        "release", app_source=source(), python_release_uv_environment=index, limit=host
    )
    assert "Hash mismatch for `gunicorn==27.0.1`" in " ".join(told.split())
    assert "foreign code ran" not in told


def test_locked_application_gets_and_is_built_by_what_was_locked(
    shop: Shop, host: str, source: Source
) -> None:
    # h11: what uvicorn needs; pluggy: what hatchling needs. Both in versions newer than any.
    serve(shop, host, ("h11", "99.0"), ("pluggy", "99.0"))
    beside = {"UV_FIND_LINKS": f"{MIRROR}/h11,{MIRROR}/pluggy"}
    made = source(files={"pyproject.toml": BUILD_SYSTEM, "shoplib/__init__.py": ""})
    shop.succeed("release", app_source=made, python_release_uv_environment=beside, limit=host)
    folder = "/opt/shop/releases/" + shop.live(host).split()[1]
    manifest = json.loads(shop.shell(f"cat {folder}/manifest.json", host))
    assert manifest["hashes"] == "enforced"
    records = shop.shell(f"ls -d {folder}/.venv/lib/python3.*/site-packages/*.dist-info", host)
    installed = dict(re.findall(r"/([^/-]+)-([^-]+)\.dist-info", records))
    assert installed.pop("shoplib") == "1.0"
    locks = LOCK.read_text() + (APPLICATION / "requirements.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9_-]+)==(\S+)", locks, re.M))
    assert {(name.replace("_", "-"), version) for name, version in installed.items()} <= locked
    assert {"gunicorn", "uvicorn", "uvloop", "httptools", "uvicorn_worker"} <= set(installed)


def test_application_without_hashes_is_refused_before_a_host_is_asked_to_build(
    shop: Shop, host: str
) -> None:
    told = shop.refuse(
        "release",
        "python_release_require_hashes is true; expected a lock (of uv, Poetry, PDM or Pipenv, or",
        "but requirements.txt does not; run uv lock",
        app_source={"type": "path", "path": str(APPLICATION.with_name("requirements_plain"))},
        python_release_require_hashes=True,
        limit=host,
    )
    assert "build | Build the release" not in told
