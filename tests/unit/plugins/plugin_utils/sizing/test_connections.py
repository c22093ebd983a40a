"""How the connections of a fleet are counted and shared out."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.connections import Limits, count


@pytest.mark.parametrize(
    ("limits", "workers", "during", "otherwise", "shares"),
    [
        (Limits(5, 100), {"a": 4}, 40, 20, {"a": 40}),
        (Limits(5, 100, 7), {"a": 4, "b": 2}, 67, 37, {"a": 40, "b": 20}),
        # What the others leave is shared out evenly.
        (Limits(5, 100, 10), {"a": None, "b": None}, 30, 20, {"a": 45, "b": 45}),
        (Limits(5, 100), {"a": 4, "b": None, "c": None}, 60, 30, {"a": 40, "b": 30, "c": 30}),
        # Nothing is left: no share is negative.
        (Limits(5, 30), {"a": 4, "b": None}, 50, 25, {"a": 40, "b": 0}),
        (Limits(5, 100), {}, 0, 0, {}),
    ],
)
def test_connections_are_counted_and_shared_out(
    limits: Limits,
    workers: dict[str, int | None],
    during: int,
    otherwise: int,
    shares: dict[str, int],
) -> None:
    found = count(limits, workers)
    assert (found.during_rollout, found.otherwise, found.shares) == (during, otherwise, shares)


@pytest.mark.parametrize("hosts", range(1, 20))
@pytest.mark.parametrize("limit", [40, 100, 333])
def test_shares_never_pass_the_limit(hosts: int, limit: int) -> None:
    workers = {f"h{number}": None if number % 3 else 1 for number in range(hosts)}
    found = count(Limits(3, limit, 5), workers)
    if found.during_rollout <= limit:
        assert sum(found.shares.values()) + 5 <= limit
        assert all(share >= 6 for share in found.shares.values())
