"""What is installed, from the names of the records alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import installed, normal


@pytest.mark.parametrize(
    ("record", "name", "version"),
    [
        ("fastapi-0.165.0.dist-info", "fastapi", "0.165.0"),
        ("uvicorn_worker-0.4.0.dist-info", "uvicorn-worker", "0.4.0"),
        ("Flask.Old-1.0.dist-info", "flask-old", "1.0"),
        ("zope-interface-7.0.dist-info", "zope-interface", "7.0"),
        ("torch-2.9.0+cu130.dist-info", "torch", "2.9.0+cu130"),
        ("toy-1.0_1.dist-info", "toy", "1.0-1"),
        ("old-3.2.egg-info", "old", "3.2"),
    ],
)
def test_records_name_what_is_installed(
    tmp_path: Path, record: str, name: str, version: str
) -> None:
    (tmp_path / "lib" / "python3.13" / "site-packages" / record).mkdir(parents=True)
    assert installed(str(tmp_path)) == {name: version}


def test_what_is_no_record_counts_for_nothing(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.13" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "fastapi").mkdir()
    (packages / "toy.dist-info").mkdir()
    (packages / "toy-1\n--find-links=evil.dist-info").mkdir()
    (packages / "evil.pth").write_text("import os; os.abort()\n")
    (tmp_path / "lib64").symlink_to("lib")
    assert installed(str(tmp_path)) == {}
    assert installed(str(tmp_path / "nothing")) == {}


def test_names_are_compared_in_one_form() -> None:
    assert normal("Zope.Interface") == normal("zope__interface") == "zope-interface"
