"""When the manifest of a release counts."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.releases.manifest import read_manifest


def test_manifest_counts_while_its_interpreter_is_there(tmp_path: Path) -> None:
    assert read_manifest(str(tmp_path)) is None
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    assert read_manifest(str(tmp_path)) is None
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"id"')
    assert read_manifest(str(tmp_path)) is None
    manifest.write_text('{"id": "1.0"}')
    assert read_manifest(str(tmp_path)) == {"id": "1.0"}
    python.unlink()
    python.symlink_to("/no/longer/python3")
    assert read_manifest(str(tmp_path)) is None
