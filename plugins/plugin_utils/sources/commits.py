"""The commits between what a host runs and what it is to run, from the controller's mirror."""

from __future__ import annotations

import os
from typing import Literal, TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    of_caller,
    separate,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import (
    mirror_of,
    relation,
    run_git,
)

#: How many commits are named; the others are counted.
NAMED = 20


class Commit(TypedDict):
    """A commit: its name and the first line of its message."""

    sha: str
    subject: str


class Between(TypedDict):
    """What lies between two commits.

    Keys:
        way: `forward`: the commits are added. `back`: they are taken back. `apart`: added are those
            that the live one lacks, and it has others. `unknown`: the mirror lacks one of the two.
        commits: The newest, newest first.
        more: How many are not named.
        files: How many files differ; None if that is not known.
    """

    way: Literal["forward", "back", "apart", "unknown"]
    commits: list[Commit]
    more: int
    files: int | None


UNKNOWN: Between = {"way": "unknown", "commits": [], "more": 0, "files": None}


def between(cache: str, url: str, live: str, wanted: str) -> Between:
    """Return what lies between two commits of a repository, as its mirror has it.

    Args:
        cache: Folder of the mirrors.
        url: The repository's URL; credentials in it do not matter.
        live: The commit that runs.
        wanted: The commit that is to run.
    """
    folder = mirror_of(separate(url)[0], cache)

    def git(*arguments: str) -> str:
        told = run_git(f"--git-dir={folder}", *arguments, environment=of_caller(os.environ))
        return told.decode(errors="replace")

    older = relation(cache, url, wanted, live)
    way: Literal["forward", "back", "apart"] = "back" if older == "before" else "forward"
    one, other = (wanted, live) if way == "back" else (live, wanted)
    try:
        if older == "unknown":
            way = "apart"
        span = f"{one}..{other}"
        count = int(git("rev-list", "--count", span))
        lines = git(
            *("log", "-z", "--no-show-signature", f"--max-count={NAMED}", "--format=%H %s", span)
        ).split("\0")
        files = git("diff", "--name-only", "-z", one, other).count("\0")
    except (OSError, SourceError, ValueError):
        return UNKNOWN
    commits: list[Commit] = [
        {"sha": sha, "subject": subject}
        for sha, _space, subject in (line.partition(" ") for line in lines if line)
    ]
    return {"way": way, "commits": commits, "more": count - len(commits), "files": files}
