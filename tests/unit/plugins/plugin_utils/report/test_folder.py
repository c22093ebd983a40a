"""Where the controller keeps what it writes of rollouts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.folder import report_folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with an inventory of each kind."""
    (tmp_path / "inventory" / "production").mkdir(parents=True)
    (tmp_path / "inventory" / "staging.yml").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (["inventory/production"], "inventory/rollouts/production"),
        (["inventory/production/"], "inventory/rollouts/production"),
        (["inventory/staging.yml"], "inventory/rollouts"),
        (["inventory/staging.yml", "inventory/production"], "inventory/rollouts/production"),
        (["web1,web2,"], "rollouts"),
        (["inventory/production", "web9,"], "inventory/rollouts/production"),
        ([], "rollouts"),
    ],
    ids=["folder", "slash", "file", "the last one", "hosts", "hosts beside a folder", "none"],
)
def test_folder_is_beside_the_inventory(clone: Path, sources: list[str], found: str) -> None:
    """Not within: Ansible would read what is there as an inventory."""
    assert report_folder(sources, "", str(clone)) == str(clone / found)
    absolute = [one if "," in one else str(clone / one) for one in sources]
    assert report_folder(absolute, "", str(clone)) == str(clone / found)


def test_folder_is_the_wanted_one(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    sources = ["inventory/production"]
    assert report_folder(sources, "kept", str(clone)) == str(clone / "kept")
    assert report_folder(sources, "/srv/kept", str(clone)) == "/srv/kept"
    assert report_folder(sources, "~/kept", str(clone)) == "/home/ada/kept"
