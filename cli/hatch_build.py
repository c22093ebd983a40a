"""Puts the collection into the wheel: the files that `ansible-galaxy collection build` takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COLLECTIONS = Path("asgi_fleet", "collections")
#: Where Ansible looks for a collection, below a folder of collections.
COLLECTION = Path("ansible_collections", "asgi", "fleet")
#: Lists of what the artifact holds, in the order of this machine's file system. A wheel has its own
#: list (RECORD), and Ansible finds the version in galaxy.yml as well.
LISTS = ("FILES.json", "MANIFEST.json")


class CollectionHook(BuildHookInterface[Any]):
    """Adds the collection, its galaxy.yml and the settings of Ansible to a wheel."""

    _work: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Pack the collection, and add what that gave.

        Raises:
            RuntimeError: This folder is not in a clone, or a source distribution is asked for.
        """
        clone = Path(self.root).parent
        if version == "editable":
            # The clone itself is used then.
            return
        if self.target_name != "wheel" or not (clone / "galaxy.yml").is_file():
            raise RuntimeError(
                f"{self.root} is built as {self.target_name}; expected a wheel, from the folder "
                "cli of a clone of asgi.fleet; type there: uv build --wheel cli"
            )
        self._work = tempfile.TemporaryDirectory()
        packed = pack(clone, Path(self._work.name))
        build_data["force_include"] |= {
            str(packed): str(COLLECTIONS / COLLECTION),
            str(clone / "ansible.cfg"): "asgi_fleet/ansible.cfg",
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was packed."""
        del version, build_data, artifact_path
        if self._work is not None:
            self._work.cleanup()


def pack(clone: Path, work: Path) -> Path:
    """Return a folder with the collection of a clone, in an empty folder `work`."""
    subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "galaxy", "collection", "build"),
            *(clone, "--output-path", work),
        ],
        # Nothing of the user's own settings, and nothing left in the user's folders.
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")},
            "ANSIBLE_HOME": str(work / "home"),
            "ANSIBLE_CONFIG": str(clone / "ansible.cfg"),
        },
        cwd=work,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (artifact,) = work.glob("*.tar.gz")
    packed = work / "collection"
    with tarfile.open(artifact) as archive:
        archive.extractall(packed, filter="data")
    for name in LISTS:
        (packed / name).unlink()
    shutil.copy(clone / "galaxy.yml", packed)
    return packed
