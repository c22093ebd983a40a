"""The files of an archive, as a project's analysis reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources import tree as module
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree, read_tree


@pytest.fixture
def archive(tmp_path: Path) -> str:
    folder = tmp_path / "shop"
    (folder / "api" / "requirements").mkdir(parents=True)
    (folder / "api" / "uploads").mkdir()
    (folder / "api" / "requirements" / "prod.txt").write_text("fastapi\n")
    (folder / "api" / "logo.png").write_bytes(b"\x89PNG")
    (folder / "api" / "main.py").write_text("app = None\n")
    (folder / "common.txt").write_text("httpx\n")
    (folder / "api" / "requirements.txt").symlink_to("linked.txt")
    (folder / "api" / "linked.txt").symlink_to("../common.txt")
    path = tmp_path / "shop.tar.gz"
    names = ["api", "common.txt"]
    subprocess.run(["tar", "-czf", path, "-C", folder, *names], check=True)
    return str(path)


def test_tree_has_the_texts_and_knows_the_other_files(archive: str) -> None:
    tree = read_tree(archive)
    assert tree.read("api/main.py") == "app = None\n"
    assert tree.read("api/requirements/../requirements/prod.txt") == "fastapi\n"
    assert "api/logo.png" in tree.paths
    assert tree.read("api/logo.png") is None
    assert tree.read("api/nothing.txt") is None


def test_tree_follows_links_also_out_of_the_folder_that_is_looked_at(archive: str) -> None:
    tree = read_tree(archive)
    assert tree.read("api/requirements.txt") == "httpx\n"
    below = tree.below("api")
    assert below.read("requirements.txt") == "httpx\n"
    assert below.read("common.txt") is None
    assert "main.py" in below.paths


def test_link_in_a_circle_is_no_text() -> None:
    tree = Tree({}, frozenset({"a", "b"}), {"a": "b", "b": "a"})
    assert tree.read("a") is None


def test_tree_knows_empty_folders(archive: str) -> None:
    tree = read_tree(archive)
    assert tree.has_folder("api/uploads")
    assert tree.below("api").has_folder("uploads")
    assert not tree.has_folder("api/upload")


def test_tree_holds_no_more_of_other_texts_than_it_may(
    archive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OTHER_BYTES_TOGETHER", 3)
    tree = read_tree(archive)
    assert tree.read("api/main.py") is None
    assert tree.read("api/requirements/prod.txt") == "fastapi\n"
