"""When a release takes a host back: what is known of it, what is asked, and what only said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Release
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import Begun, RefusedError
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.older import (
    Older,
    Relation,
    Wanted,
    compare,
    going_back,
    older_lines,
)

URL = "https://git.example.com/shop.git"


def git(version: str) -> dict[str, Any]:
    return {"type": "git", "url": URL, "version": version}


def package(version: str) -> dict[str, Any]:
    return {"type": "package", "name": "shop", "version": version}


FOLDER = {"type": "path", "path": "/src/shop"}


def built(release_id: str, at: int, source: dict[str, Any], commit: str = "") -> Release:
    return {
        "id": release_id,
        "state": "kept",
        "built_at": at,
        "built_by": "ada",
        "module": "main:app",
        "commit": commit,
        "subject": "",
        "source": source,
        "pinned": False,
        "hashes": "none",
    }


def host(live: str, *releases: Release) -> Begun:
    return {"acquired": True, "live": live, "releases": list(releases)}


def asks(relation: Relation) -> Any:  # noqa: ANN401
    return lambda *_: relation


def why(live: Release, wanted: Wanted, *others: Release, relation: Relation = "unknown") -> str:
    begun = {"web1": host(live["id"], live, *others)}
    found = going_back(begun, {"web1": wanted}, asks(relation))
    return found[0].why if found else ""


NEW = built("1.5.0-b", 20, git("v1.5.0"), "b" * 40)
OLD = built("1.4.0-a", 10, git("v1.4.0"), "a" * 40)
BACK = Wanted("1.4.0-a", "a" * 40, git("v1.4.0"))


def test_release_that_is_live_already_is_not_older() -> None:
    assert why(NEW, Wanted("1.5.0-b", "b" * 40, git("v1.5.0")), relation="before") == ""


@pytest.mark.parametrize(
    ("relation", "told"),
    [
        ("before", "commit aaaaaaaaaaaa is part of bbbbbbbbbbbb"),
        # A revert is a commit of its own.
        ("after", ""),
        # Only what it is built with differs.
        ("same", ""),
        ("unknown", "v1.4.0 < v1.5.0"),
    ],
)
def test_history_of_the_repository_is_asked_first(relation: Relation, told: str) -> None:
    assert why(NEW, BACK, OLD, relation=relation) == told


def test_commits_of_different_repositories_are_not_compared() -> None:
    fork = Wanted("1.6.0-c", "c" * 40, {"type": "git", "url": "/fork", "version": "v1.6.0"})
    assert why(NEW, fork, relation="before") == ""


@pytest.mark.parametrize(
    ("live", "version", "told"),
    [
        ("1.10.0", "1.9.0", "1.9.0 < 1.10.0"),
        ("1.9.0", "1.10.0", ""),
        ("1.5.0", "1.5.0rc1", "1.5.0rc1 < 1.5.0"),
        ("1.5.0", "1.5.0", ""),
    ],
)
def test_versions_of_packages_are_compared(live: str, version: str, told: str) -> None:
    wanted = Wanted(f"{version}-x", "", package(version))
    assert why(built(f"{live}-y", 20, package(live)), wanted) == told


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        ("v1.4.0", "v1.5.0", -1),
        ("shop-1.5.0", "shop-1.4.0", 1),
        ("shop@1.4.0", "1.4", 0),
        ("release/2026.11", "release/2026.12", -1),
        ("v2.0.0-rc.1", "v2.0.0", -1),
        ("main", "v1.5.0", None),
        ("", "1.0", None),
        ("5d600294aa", "v1.0", None),
    ],
)
def test_tags_are_compared_by_the_version_in_them(one: str, other: str, order: int | None) -> None:
    assert compare(one, other) == order


def test_what_was_built_before_is_older_where_nothing_else_is_known() -> None:
    archive = {"type": "archive", "url": "https://example.com/shop.tar.gz"}
    live, former = built("new", 20, archive), built("old", 10, archive)
    assert why(live, Wanted("old", "", archive), former) == "it was built before"
    assert why(live, Wanted("never-built", "", archive), former) == ""
    # It was built for a rollout that failed, and is tried again.
    assert why(former, Wanted("new", "", archive), live) == ""


def test_hosts_that_lag_behind_do_not_keep_the_others_from_being_completed() -> None:
    begun = {
        "web1": host("1.5.0-b", NEW, OLD),
        "web2": host("1.4.0-a", OLD, NEW),
        "web3": host(""),
    }
    forward = Wanted("1.5.0-b", "b" * 40, git("v1.5.0"))
    assert going_back(begun, dict.fromkeys(begun, forward), asks("after")) == []
    assert going_back(begun, dict.fromkeys(begun, BACK), asks("before")) == [
        Older("1.5.0-b", "commit aaaaaaaaaaaa is part of bbbbbbbbbbbb", ("web1",), kept=True)
    ]


def test_host_whose_source_is_not_known_yet_is_not_judged() -> None:
    assert going_back({"web1": host("1.5.0-b", NEW)}, {}, asks("before")) == []


GOING = [Older("1.5.0-b", "v1.4.0 < v1.5.0", ("web1", "web2"), kept=True)]
WANTED = dict.fromkeys(("web1", "web2"), BACK)


def test_going_back_is_refused_with_every_way_on() -> None:
    with pytest.raises(RefusedError) as refused:
        older_lines(GOING, WANTED, allowed=False)
    assert str(refused.value) == (
        "web1, web2 run 1.5.0-b, and this release (version v1.4.0) would go back to 1.4.0-a: "
        "v1.4.0 < v1.5.0; expected a newer one. To keep what is live, with other settings or "
        "secrets: ansible-playbook playbooks/restart.yml, and set its version in app_source of the "
        "inventory; to roll back: ansible-playbook playbooks/rollback.yml -e release=1.4.0-a; to "
        "release it all the same: -e fleet_allow_older=true"
    )


def test_rollback_is_offered_only_to_what_the_hosts_have() -> None:
    with pytest.raises(RefusedError) as refused:
        older_lines([Older("1.5.0-b", "v1.4.0 < v1.5.0", ("web1",))], WANTED, allowed=False)
    assert str(refused.value).startswith("web1 runs 1.5.0-b, and this release ")
    assert "rollback" not in str(refused.value)


def test_going_back_that_was_asked_for_is_said() -> None:
    assert older_lines(GOING, WANTED, allowed=True) == [
        "web1, web2: back to 1.4.0-a from 1.5.0-b (v1.4.0 < v1.5.0)"
    ]


def test_former_contents_of_a_folder_are_said_and_not_asked() -> None:
    going = [Older("new", "it was built before", ("web1",))]
    wanted = {"web1": Wanted("old", "", FOLDER)}
    assert older_lines(going, wanted, allowed=False) == [
        "web1: back to old from new (it was built before)"
    ]
