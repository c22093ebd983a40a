"""A poetry.lock as a requirements file, by Poetry's own exporter on the controller.

The exporter lives in a virtual environment of the controller's cache, made at first need from a
lock file with hashes. It sees a copy of two files, the project's pyproject.toml and its lock: it
runs nothing of the application, loads no plugin that the project asks for, and needs no network.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.locked import in_tree
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import table, toml
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import Project

#: Seconds for the installation of the exporter, and for one export.
INSTALL_TIMEOUT, EXPORT_TIMEOUT = 600, 120
#: Lines of a tool's output that a refusal shows.
_TAIL = 8
#: Status of the script below for a lock that does not fit its pyproject.toml.
_STALE = 77
#: The exporter's own interface, since the command `poetry` installs and loads the plugins that a
#: pyproject.toml names.
_EXPORT = """
import sys
from pathlib import Path
from cleo.io.buffered_io import BufferedIO
from poetry.core.packages.dependency_group import MAIN_GROUP
from poetry.factory import Factory
from poetry_plugin_export.exporter import Exporter
output, extras, groups = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
io = BufferedIO()
poetry = Factory().create_poetry(Path.cwd(), io=io, disable_plugins=True, disable_cache=True)
if not poetry.locker.is_fresh():
    sys.exit(77)
exporter = Exporter(poetry, io)
exporter.only_groups({MAIN_GROUP, *groups}).with_extras(extras).with_hashes(True)
exporter.export("requirements.txt", Path.cwd(), output)
"""


def from_poetry(
    project: Project,
    lock: str,
    extras: Sequence[str],
    groups: Sequence[str],
    cache: str,
    exporter_lock: str,
) -> str:
    """Return a poetry.lock as a requirements file with hashes.

    Args:
        project: The project that is locked.
        lock: The text of its poetry.lock.
        extras: The extras that are installed.
        groups: The groups that are installed besides the main one.
        cache: A folder of the controller.
        exporter_lock: A requirements file with hashes of Poetry and its exporter.

    Raises:
        SourceError: The exporter cannot be had, or fails; with the command to type instead.
    """
    more = "".join(f" --extras {name}" for name in extras)
    more += "".join(f" --with {name}" for name in groups)
    advice = (
        f"run poetry export --format requirements.txt --output requirements.txt{more}, commit the "
        "file, and set app_dependencies: {file: requirements.txt}"
    )
    try:
        python = _environment(cache, exporter_lock)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            text = _export(project, lock, extras, groups, python, Path(scratch))
            return _with_folders(text, project, lock, scratch)
    except (OSError, _ToolError) as error:
        if isinstance(error, _ToolError) and error.status == _STALE:
            raise SourceError(
                "poetry.lock is out of date: pyproject.toml has changed since it was made; run "
                "poetry lock and commit the file"
            ) from None
        raise SourceError(
            f"poetry.lock cannot be exported on the controller: {error}; {advice}"
        ) from None


class _ToolError(Exception):
    """A tool failed; the message says how."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def _environment(cache: str, exporter_lock: str) -> str:
    """Return the interpreter of the exporter's virtual environment, which is made if needed."""
    text = Path(exporter_lock).read_bytes()
    told = hashlib.sha256(text + sys.version.encode() + sys.prefix.encode()).hexdigest()[:16]
    folder = Path(cache, f"poetry-{told}")
    python = folder / "bin" / "python"
    if python.exists():
        return str(python)
    os.makedirs(cache, mode=0o700, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=cache))
    try:
        made = scratch / "venv"
        _run([sys.executable, "-I", "-m", "venv", str(made)], INSTALL_TIMEOUT, _plain(os.environ))
        pip = [str(made / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet"]
        pip += ["--disable-pip-version-check", "--require-hashes", "--requirement", exporter_lock]
        _run(pip, INSTALL_TIMEOUT, _plain(os.environ))
        try:
            made.rename(folder)
        except OSError:
            # Another run was faster.
            if not python.exists():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return str(python)


def _export(
    project: Project,
    lock: str,
    extras: Sequence[str],
    groups: Sequence[str],
    python: str,
    scratch: Path,
) -> str:
    # As deep as in the tree, so that ../ leads to the same folders.
    folder = scratch / "tree" / project.folder
    folder.mkdir(parents=True)
    (folder / "poetry.lock").write_text(lock)
    (folder / "pyproject.toml").write_text(project.tree.read("pyproject.toml") or "")
    for name in ("home", "out"):
        (scratch / name).mkdir()
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        "POETRY_VIRTUALENVS_CREATE": "false",
    }
    output = scratch / "out" / "requirements.txt"
    arguments = [str(output), " ".join(extras), " ".join(groups)]
    _run([python, "-I", "-c", _EXPORT, *arguments], EXPORT_TIMEOUT, environment, str(folder))
    return output.read_text()


def _plain(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what changes what another Python imports."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("PYTHON") and name not in ("VIRTUAL_ENV", "PIP_TARGET", "PIP_USER")
    }


def _run(
    command: Sequence[str], seconds: int, environment: Mapping[str, str], folder: str | None = None
) -> None:
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _ToolError(f"it did not end within {seconds} s") from None
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
        told = "\n".join(lines[-_TAIL:]) or f"status {result.returncode}"
        raise _ToolError(told, result.returncode)


def _with_folders(text: str, project: Project, lock: str, scratch: str) -> str:
    """Return a requirements file whose folders are those of the tree, wherever it is."""
    names = {
        posixpath.normpath(posixpath.join(project.folder, source["url"])): str(package["name"])
        for package in toml(lock).get("package", [])
        if (source := table(package, "source")).get("type") in ("directory", "file")
    }
    lead = f"file://{os.path.realpath(scratch)}/tree/"
    lines = []
    for line in text.splitlines(keepends=True):
        found = re.match(rf"(?:-e |(?P<name>[^\s@]+) @ )?{re.escape(lead)}(?P<path>[^\s;]+)", line)
        if found:
            path = posixpath.normpath(found["path"])
            place = in_tree(posixpath.relpath(path, project.folder or "."), project.folder)
            line = f"{found['name'] or names[path]} @ {place}{line[found.end() :]}"
        lines.append(line)
    return "".join(lines)
