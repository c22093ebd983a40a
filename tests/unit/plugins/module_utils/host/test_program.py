"""A program of this collection's modules: the same bytes each time, and it runs by itself."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.program import OURS, bundle
from ansible_collections.asgi.fleet.plugins.module_utils.slots import recycling

#: A caller as Ansible sends one: the collection in an archive that Python imports from.
FROM_AN_ARCHIVE = """
import sys
sys.path.insert(0, {archive!r})
from {ours}host.program import bundle
import {module}
sys.stdout.buffer.write(bundle({module!r}))
"""


def test_same_modules_give_the_same_bytes() -> None:
    assert bundle(recycling.__name__) == bundle(recycling.__name__)


def test_program_has_what_its_module_imports_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "program.pyz"
    path.write_bytes(bundle(recycling.__name__))
    names = zipfile.ZipFile(path).namelist()
    folder = OURS.replace(".", "/")
    assert f"{folder}slots/recycling.py" in names
    assert f"{folder}slots/cut_over.py" in names
    assert f"{folder}protocol/sandbox.py" in names
    # Nothing of the application runs here.
    assert not [name for name in names if "hooks" in name or "confined" in name]
    assert not [name for name in names if name.startswith("ansible/")]


def test_module_packs_itself_from_the_archive_that_it_came_in(tmp_path: Path) -> None:
    archive = tmp_path / "sent.zip"
    archive.write_bytes(bundle("ansible_collections.asgi.fleet.plugins.module_utils.host.program"))
    with zipfile.ZipFile(archive, "a") as sent:
        have = set(sent.namelist())
        for name in zipfile.ZipFile(_packed(tmp_path)).namelist():
            if name not in have:
                sent.writestr(name, zipfile.ZipFile(_packed(tmp_path)).read(name))
    text = FROM_AN_ARCHIVE.format(archive=str(archive), ours=OURS, module=recycling.__name__)
    command = [sys.executable, "-s", "-E", "-B", "-c", text]
    done = subprocess.run(command, capture_output=True, check=True, cwd="/")
    assert done.stdout == bundle(recycling.__name__)


def _packed(folder: Path) -> Path:
    path = folder / "program.pyz"
    path.write_bytes(bundle(recycling.__name__))
    return path


def test_what_has_no_source_is_not_packed() -> None:
    with pytest.raises(ImportError, match="has no source that can be packed"):
        bundle(f"{OURS}host.absent")
