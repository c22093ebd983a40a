"""The filter around the plan: what goes in, what comes out, what is refused."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.worker_plan import FilterModule

worker_plan = FilterModule().filters()["worker_plan"]
ONE_GB = {"cores": 2, "memory_bytes": 1024**3, "cores_source": "affinity"}


def test_worker_plan_returns_the_plan_as_a_mapping() -> None:
    assert worker_plan(ONE_GB) == {
        "workers": 3,
        "reason": "3 workers: 2 cores would allow 5, "
        "but 768 MB for two slots allow 3 of 128 MB each",
        "decided_by": "memory",
        "cores": 2,
        "by_cores": 5,
        "by_memory": 3,
        "memory_mb": 1024,
        "reserve_mb": 256,
        "memory_max_mb": 768,
        "memory_high_mb": 691,
    }


def test_worker_plan_refuses_a_wrong_count_as_a_filters_error() -> None:
    with pytest.raises(AnsibleFilterError, match="app_workers is 0; expected auto or a number"):
        worker_plan(ONE_GB, 0)


@pytest.mark.parametrize("capacity", [None, {}, {"cores": 2}, {"cores": "two", "memory_bytes": 1}])
def test_worker_plan_refuses_what_is_no_capacity(capacity: object) -> None:
    with pytest.raises(AnsibleFilterError, match="hand in the `capacity`"):
        worker_plan(capacity)
