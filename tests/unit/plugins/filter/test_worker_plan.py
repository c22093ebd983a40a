"""The filter around the plan: what goes in, what comes out, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.worker_plan import FilterModule

worker_plan = FilterModule().filters()["worker_plan"]
worker_lines = FilterModule().filters()["worker_lines"]
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
        "connections": "",
    }


def test_worker_plan_refuses_a_wrong_count_as_a_filters_error() -> None:
    with pytest.raises(
        AnsibleFilterError, match=r"^gunicorn_service_workers is 0; expected auto or"
    ):
        worker_plan(ONE_GB, 0)
    with pytest.raises(AnsibleFilterError, match=r"^app_workers is 0; expected auto or"):
        worker_plan(ONE_GB, 0, prefix="app_")


@pytest.mark.parametrize("capacity", [None, {}, {"cores": 2}, {"cores": "two", "memory_bytes": 1}])
def test_worker_plan_refuses_what_is_no_capacity(capacity: object) -> None:
    with pytest.raises(AnsibleFilterError, match="hand in the `capacity`"):
        worker_plan(capacity)


def begun(app: str = "shop", workers: object = "auto", **capacity: object) -> dict[str, Any]:
    """Return the variables of a host on which a rollout has begun."""
    return {
        "deployment": {"app_name": app, "app_workers": workers, "app_worker_memory_mb": 128},
        "rollout_begun": {"capacity": ONE_GB | capacity},
    }


def test_worker_lines_put_hosts_with_one_plan_together() -> None:
    hostvars = {
        "web1": begun(),
        "web2": begun(cores=1, memory_bytes=4 * 1024**3),
        "web3": begun(),
        "blog1": begun("blog"),
        "left-out": {},
    }
    plan = "3 workers: 2 cores would allow 5, but 768 MB for two slots allow 3 of 128 MB each"
    assert worker_lines(["web1", "web2", "web3", "blog1"], hostvars) == [
        f"shop on web1, web3: {plan}",
        "shop on web2: 3 workers: 1 core allows 3, "
        "and 3687 MB for two slots would allow 14 of 128 MB each",
        f"blog on blog1: {plan}",
    ]
    assert worker_lines([], hostvars) == []


def test_worker_lines_speak_of_the_variables_of_the_deployment() -> None:
    [line] = worker_lines(["web1"], {"web1": begun(workers=8)})
    assert line.endswith("lower app_workers or app_worker_memory_mb")
    with pytest.raises(AnsibleFilterError, match=r"^app_workers is 0; expected auto or a number"):
        worker_lines(["web1"], {"web1": begun(workers=0)})


@pytest.mark.parametrize("plain", ["uvicorn_worker.UvicornWorker", "uvicorn.workers.UvicornWorker"])
def test_plan_says_what_a_plain_worker_class_loses(plain: str) -> None:
    ours = worker_plan(ONE_GB, worker_class="draining_worker.DrainingWorker")
    told = worker_plan(ONE_GB, worker_class=plain)
    assert ours == worker_plan(ONE_GB)
    assert told["workers"] == ours["workers"]
    assert told["reason"].startswith(f"{ours['reason']}; {plain} ")
    assert "cuts WebSockets and event streams and loses the requests" in told["reason"]
    assert ("deprecated" in told["reason"]) == plain.startswith("uvicorn.workers")


def test_worker_lines_say_it_of_the_hosts_that_have_one() -> None:
    deployment = {"app_name": "shop", "app_workers": 1, "app_worker_memory_mb": 64}
    host = {"deployment": deployment, "rollout_begun": {"capacity": ONE_GB}}
    plain = {**host, "gunicorn_service_worker_class": "uvicorn_worker.UvicornWorker"}
    first, second = worker_lines(["web1", "web2"], {"web1": host, "web2": plain})
    assert first.startswith("shop on web1: ")
    assert "does not drain" not in first
    assert second.startswith("shop on web2: ")
    assert "uvicorn_worker.UvicornWorker does not drain" in second


def test_worker_lines_show_the_connections_with_their_sum() -> None:
    host = begun(workers=4, memory_bytes=4 * 1024**3)
    host["gunicorn_service_connections"] = {"per_worker": 5, "share": 40}
    [line] = worker_lines(["web1"], {"web1": host})
    assert line == (
        "shop on web1: 4 workers: as configured; 3687 MB for two slots would allow 14 of 128 MB "
        "each; up to 40 connections during a rollout (4 x 2 slots x 5), of 40 for this host"
    )


def test_worker_lines_show_what_is_held_now_the_most_of_all_hosts() -> None:
    first, second, new = begun(), begun(), begun()
    first["rollout_begun"]["memory"] = {"workers": 3, "largest_mb": 52, "slot_mb": 140}
    second["rollout_begun"]["memory"] = {"workers": 3, "largest_mb": 47, "slot_mb": 150}
    new["rollout_begun"]["memory"] = None
    [line] = worker_lines(["a", "b", "c"], {"a": first, "b": second, "c": new})
    assert line.startswith("shop on a, b, c: 3 workers: ")
    assert line.endswith(
        "; measured (PSS): a worker holds up to 52 MB, and a slot with 3 of them 150 MB"
    )
