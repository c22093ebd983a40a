"""What lies between two commits, from a real mirror."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources import commits
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.commits import UNKNOWN, between

from tests.unit.plugins.plugin_utils.sources.trees import Prepare, git


def head(repository: Path, name: str = "HEAD") -> str:
    return git(repository, "rev-parse", name).strip()


@pytest.fixture
def cache(repository: Path, packed: Prepare, tmp_path: Path) -> str:
    """The folder of the mirror, which has two more commits than the tag v1 and a branch aside."""
    (repository / "web" / "page.html").write_text("<h1>\n")
    git(repository, "commit", "--quiet", "--all", "--message=three: <b>\n\nmore text")
    git(repository, "checkout", "--quiet", "-b", "aside", "v1")
    git(repository, "commit", "--quiet", "--allow-empty", "--message=elsewhere")
    git(repository, "checkout", "--quiet", "main")
    packed(type="git", url=str(repository), version="main")
    return str(tmp_path / "cache")


def test_commits_are_named_newest_first_with_their_first_lines(
    repository: Path, cache: str
) -> None:
    found = between(cache, str(repository), head(repository, "v1"), head(repository))
    assert found["way"] == "forward"
    assert [one["subject"] for one in found["commits"]] == ["three: <b>", "two"]
    assert found["commits"][0]["sha"] == head(repository)
    assert (found["more"], found["files"]) == (0, 2)


def test_commits_that_are_taken_back_are_those_of_the_live_one(
    repository: Path, cache: str
) -> None:
    found = between(cache, str(repository), head(repository), head(repository, "v1"))
    assert found["way"] == "back"
    assert [one["subject"] for one in found["commits"]] == ["three: <b>", "two"]


def test_commits_of_two_branches_are_apart(repository: Path, cache: str) -> None:
    found = between(cache, str(repository), head(repository, "aside"), head(repository))
    assert found["way"] == "apart"
    assert [one["subject"] for one in found["commits"]] == ["three: <b>", "two"]


def test_commits_beyond_the_named_ones_are_counted(
    repository: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "NAMED", 1)
    found = between(cache, str(repository), head(repository, "v1"), head(repository))
    assert (len(found["commits"]), found["more"]) == (1, 1)


def test_commit_that_the_mirror_lacks_is_unknown(repository: Path, cache: str) -> None:
    assert between(cache, str(repository), "f" * 40, head(repository)) == UNKNOWN
    assert between(cache, "https://nowhere.example/x.git", "f" * 40, "e" * 40) == UNKNOWN
