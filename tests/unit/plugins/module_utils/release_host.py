"""Releases of small applications, built by the real uv without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import build
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe

UV = str(Path(sys.executable).with_name("uv"))
APPLICATION = "async def app(scope, receive, send): ...\n"

Pack = Callable[..., Recipe]


def wheel(
    folder: Path, name: str, version: str, requires: str = "", code: str = "", script: str = ""
) -> Path:
    """Make a wheel of one module; `script` is an entry point, such as `toy = toy:main`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
    return path


def installed(recipe: Recipe) -> dict[str, str]:
    """Return the distributions of the release's venv, with their versions."""
    command = [UV, "pip", "list", "--format=json", "--python", recipe.venv_python]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return {found["name"]: found["version"] for found in json.loads(output)}


def refused(recipe: Recipe) -> str:
    """Return why the release cannot be built; nothing of it may be left."""
    with pytest.raises(BuildError) as error:
        build(recipe, {})
    assert not os.path.lexists(recipe.path)
    return str(error.value)
