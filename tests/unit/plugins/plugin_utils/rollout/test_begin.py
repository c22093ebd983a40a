"""What follows from what the hosts told when a rollout began on them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder, Release
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import (
    Begun,
    RefusedError,
    release_target,
    require_live,
    rollback_target,
    stale_locks,
    unserved_lines,
)

APPS = {"web1": "shop", "web2": "shop"}
ADA: Holder = {"rollout": "20261121T061000-5f3a", "who": "ada@laptop", "since": 1795241400}
ACQUIRED: Begun = {"acquired": True, "ended": []}
LOCKED: Begun = {"acquired": False, "ended": [], "holder": ADA}


def test_lock_of_another_is_refused_with_its_name_and_time() -> None:
    with pytest.raises(RefusedError) as refused:
        stale_locks(APPS, {"web1": ACQUIRED, "web2": LOCKED})
    assert str(refused.value) == (
        "web2: shop is locked by ada@laptop since 2026-11-21 06:10:00 UTC (rollout "
        "20261121T061000-5f3a); wait for that run to end, or, if it is certain that it no longer "
        "runs, take the lock over: -e fleet_take_over_lock=true"
    )


def test_lock_of_a_rollout_that_another_host_knows_to_have_ended_is_stale() -> None:
    knowing: Begun = {"acquired": True, "ended": ["another", ADA["rollout"]]}
    assert stale_locks(APPS, {"web1": knowing, "web2": LOCKED}) == ["web2"]


def test_no_lock_is_stale_when_all_were_acquired() -> None:
    assert stale_locks(APPS, {"web1": ACQUIRED, "web2": ACQUIRED}) == []


def test_lock_of_a_rollout_that_still_runs_is_refused_beside_one_that_ended() -> None:
    knowing: Begun = {"acquired": True, "ended": [ADA["rollout"]]}
    running: Holder = {"rollout": "r2", "who": "bob@desk", "since": 0}
    locked: Begun = {"acquired": False, "ended": [], "holder": running}
    with pytest.raises(RefusedError, match=r"^web3: blog is locked by bob@desk since 1970-01-01 "):
        stale_locks(APPS | {"web3": "blog"}, {"web1": knowing, "web2": LOCKED, "web3": locked})


# The release that is the target


def release(id: str, state: str = "kept", module: str = "main:app") -> Release:  # noqa: A002
    return {
        "id": id,
        "state": state,
        "built_at": 1790000000,
        "built_by": "ada",
        "module": module,
        "commit": "",
        "subject": "",
        "source": {},
        "pinned": False,
        "hashes": "none",
    }


def having(*releases: Release, live: str = "1.1") -> Begun:
    return {"acquired": True, "ended": [], "live": live, "releases": list(releases)}


LIVE, PREVIOUS, KEPT = release("1.1", "live"), release("1.0", "previous"), release("0.9")


def test_rollback_goes_to_the_previous_release() -> None:
    begun = {"web1": having(LIVE, PREVIOUS, KEPT), "web2": having(LIVE, PREVIOUS)}
    assert rollback_target(begun, "") == "1.0"


def test_rollback_goes_to_the_release_that_is_asked_for() -> None:
    begun = {"web1": having(LIVE, PREVIOUS, KEPT), "web2": having(LIVE, KEPT)}
    assert rollback_target(begun, "0.9") == "0.9"


def test_rollback_is_refused_when_the_previous_releases_differ() -> None:
    begun = {"web1": having(LIVE, PREVIOUS), "web2": having(LIVE, release("0.9", "previous"))}
    with pytest.raises(RefusedError) as refused:
        rollback_target(begun, "")
    assert str(refused.value) == (
        "the previous release is 0.9 on web2 and 1.0 on web1; expected the same on all hosts; "
        "choose one with -e release=<id>, of those that playbooks/releases.yml lists"
    )
    with pytest.raises(
        RefusedError, match=r"the previous release is none on web2 and 1\.0 on web1"
    ):
        rollback_target({"web1": having(LIVE, PREVIOUS), "web2": having(LIVE)}, "")


@pytest.mark.parametrize(
    ("begun", "wanted", "told"),
    [
        (
            {"web1": having(LIVE, PREVIOUS, KEPT), "web2": having(LIVE, PREVIOUS)},
            "0.9",
            "release is 0.9 on web2; expected one of 1.1, 1.0; choose one with -e release=<id>",
        ),
        (
            {"web1": having(LIVE), "web2": having(LIVE)},
            "",
            "there is no previous release on web1; expected one of 1.1; "
            "choose one with -e release=<id>",
        ),
        (
            {"web1": having()},
            "",
            "there is no previous release on web1; expected one of none; "
            "choose one with -e release=<id>",
        ),
    ],
    ids=["not on one host", "no previous one", "no release at all"],
)
def test_rollback_is_refused_without_the_release(
    begun: dict[str, Begun], wanted: str, told: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        rollback_target(begun, wanted)
    assert str(refused.value) == told


def test_target_is_the_release_as_the_host_has_it() -> None:
    begun = having(LIVE, release("1.0", "previous", module="shop.main:app"))
    assert release_target(begun, "shop", "1.0") == {
        "id": "1.0",
        "path": "/opt/shop/releases/1.0",
        "module": "shop.main:app",
    }


def test_host_without_a_live_release_is_refused() -> None:
    require_live(APPS, {"web1": having(LIVE), "web2": having(LIVE)})
    with pytest.raises(RefusedError) as refused:
        require_live(APPS, {"web1": having(LIVE), "web2": having(LIVE, live="")})
    assert str(refused.value) == (
        "shop has no live release on web2; expected one; run ansible-playbook deploy.yml"
    )


# Whether visitors are served before it begins

RUNS: Any = {
    "nginx": {"active": True, "starting": False, "enabled": True},
    "https": {
        "status": 200,
        "error": "",
        "late": False,
        "certificate_current": True,
        "refused": "",
    },
    "maintenance_since": None,
}
DOWN: Any = RUNS | {"nginx": RUNS["nginx"] | {"active": False}}


def meeting(front: Any, live: str = "1.1") -> Begun:  # noqa: ANN401
    return {"acquired": True, "ended": [], "live": live, "front": front}


def test_hosts_that_serve_nobody_are_refused_once_with_the_ways_on() -> None:
    begun = {"web1": meeting(DOWN), "web2": meeting(RUNS), "web3": meeting(DOWN)}
    with pytest.raises(RefusedError) as refused:
        unserved_lines(begun, goes_on=False)
    assert str(refused.value) == (
        "web1, web3: nginx is not running; expected it to answer, since a rollout is judged by "
        "what a visitor gets; systemctl status nginx; nginx -t; then systemctl start nginx; to "
        "roll out all the same: -e fleet_allow_unserved=true"
    )


def test_hosts_that_serve_nobody_are_told_of_when_the_rollout_goes_on() -> None:
    assert unserved_lines({"web1": meeting(DOWN), "web2": meeting(RUNS)}, goes_on=True) == [
        "web1: visitors are not served: nginx is not running; to do: systemctl status nginx; "
        "nginx -t; then systemctl start nginx"
    ]


def test_host_without_a_live_release_has_no_visitors_to_lose() -> None:
    begun = {"web1": meeting(DOWN, live="")}
    [line] = unserved_lines(begun, goes_on=False)
    assert line.startswith("web1: visitors are not served: nginx is not running; ")
    # On a host that has nothing yet, nginx would be there by now.
    assert unserved_lines(begun, goes_on=False, check_mode=True) == []


def test_check_mode_tells_and_does_not_refuse() -> None:
    assert len(unserved_lines({"web1": meeting(DOWN)}, goes_on=False, check_mode=True)) == 1


@pytest.mark.parametrize(
    "front",
    [
        # What a release may repair, or has nothing to do with.
        RUNS | {"https": RUNS["https"] | {"status": 502}},
        RUNS | {"https": RUNS["https"] | {"refused": "it expired 2 days ago"}},
        RUNS | {"https": RUNS["https"] | {"status": 0, "late": True, "error": "too late"}},
        RUNS | {"maintenance_since": 1790000000},
        None,
    ],
)
def test_rollout_begins_where_nginx_answers(front: Any) -> None:  # noqa: ANN401
    assert unserved_lines({"web1": meeting(front), "web2": ACQUIRED}, goes_on=False) == []
