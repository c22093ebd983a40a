"""What follows from what the hosts told when a rollout began on them."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import (
    Begun,
    RefusedError,
    stale_locks,
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
