"""Measurements on a real host: what they recommend, what they refuse, and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import statistics
import time
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from measuring import Bench

#: An exhaustive search on two cores: the plan would be five.
EXHAUSTIVE = "1,2,3,4,5,6"
#: The module has the keeper's lock; flock(1) is the keeper, which waits for it.
KILL_MODULE = """
for one in /proc/[0-9]*; do
    if ls -l $one/fd 2>/dev/null | grep -q /etc/shop/tune/held; then
        [ $(cat $one/comm) = flock ] || kill -KILL ${one#/proc/}
    fi
done
"""
#: What counts as alike in the exhaustive search.
ALIKE = 0.05


def best(measured: list[dict[str, Any]]) -> tuple[int, dict[int, float]]:
    """Return the best number of workers, and the throughput of each relative to the highest.

    Each round is compared with itself, since the machine is not equally fast in all of them. The
    fewest win of those that are alike.
    """
    rounds = {one["round"] for one in measured}
    shares: dict[int, list[float]] = {}
    for number in rounds:
        of = {one["workers"]: one["rps"] for one in measured if one["round"] == number}
        for workers, rps in of.items():
            shares.setdefault(workers, []).append(rps / max(of.values()))
    middle = {workers: statistics.median(found) for workers, found in shares.items()}
    top = max(middle.values())
    found = min(workers for workers, share in middle.items() if share >= top * (1 - ALIKE))
    return found, {workers: round(share / top, 3) for workers, share in sorted(middle.items())}


def test_recommendation_is_within_one_worker_of_an_exhaustive_search(bench: Bench) -> None:
    units = "systemctl show --property=MainPID,NRestarts --value shop@blue.service"
    serving = bench.shop.shell(units)
    told = bench.measure(tune_workers=EXHAUSTIVE, tune_rounds=3, tune_seconds=3)
    found = bench.last()
    searched, shares = best(found["measured"])
    print(told)
    print("exhaustive search:", searched, shares, "recommended:", found["recommendation"])
    assert abs(found["recommendation"]["workers"] - searched) <= 1
    assert found["recommendation"]["reason"] in told
    assert "to keep it: app_workers: " in told or "is 1 already" in told
    assert not [one for one in found["results"] if one["problem"]]
    assert all(one["memory_mb"] > 10 for one in found["results"])
    # The live slot was not touched.
    assert bench.shop.shell(units) == serving
    drawn = ElementTree.parse(bench.documents()[-1].with_suffix(".svg"))  # noqa: S314 (ours)
    assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == 12


def test_number_is_written_into_the_hosts_own_file_and_applied(bench: Bench) -> None:
    bench.host_vars.parent.mkdir(exist_ok=True)
    bench.host_vars.write_text("# Ada's\nnote: kept  # as it is\n", encoding="utf-8")
    told = bench.measure(tune_workers="2", tune_write=True)
    text = bench.host_vars.read_text("utf-8")
    assert text.startswith("# Ada's\nnote: kept  # as it is\n# Measured by playbooks/tune.yml on ")
    assert text.endswith("\napp_workers: 2\n")
    assert "wrote app_workers: 2 into " in told
    again = bench.measure(tune_workers="2", tune_write=True)
    assert "app_workers of tune1 is 2 already" in again
    bench.host_vars.unlink()


def test_application_that_fails_under_load_is_no_measurement(bench: Bench) -> None:
    count = len(bench.documents())
    told = bench.refuse(tune_requests=[{"path": "/brittle"}])
    assert "tune1: no number of workers was measured without errors: 1 worker: round 1: " in told
    assert "answers with a status from 400 on of" in told
    assert "2 workers: round 1: " in told
    # All numbers are kept, and no recommendation.
    assert len(bench.documents()) == count + 1
    assert bench.last()["recommendation"] is None


def test_request_that_is_wrong_is_refused_at_once(bench: Bench) -> None:
    began = time.monotonic()
    told = bench.refuse(tune_requests=[{"path": "/nothing-here"}], tune_seconds=60)
    assert "answers with status 404 of" in told
    assert "expected status 2xx for each; correct tune_requests" in told
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tune": ""}, "tune is not set; expected the host to measure on"),
        ({"tune": "tune9"}, "tune is tune9; expected one host of the group app: tune1"),
        ({"tune_while_serving": False}, "tune_while_serving is not set, and there is no group"),
        ({"tune_workers": "0"}, "tune_workers[0] is 0; expected a number from 1 to 512"),
        ({"tune_workers": "500"}, "tune_workers has 500; expected at most "),
        ({"tune_requests": [{"path": "x"}]}, "tune_requests[0].path is x; expected a path such"),
    ],
)
def test_wrong_input_is_refused(bench: Bench, options: dict[str, object], message: str) -> None:
    assert message in bench.refuse(**options)


def test_locked_application_is_refused(bench: Bench) -> None:
    lock = "/var/lib/shop/rollout.lock"
    holder = json.dumps({"rollout": "another", "who": "eve@desk", "since": 1})
    bench.shop.shell(f"echo '{holder}' > {lock}")
    try:
        assert "shop is locked on this host by eve@desk (rollout another)" in bench.refuse()
        assert json.loads(bench.shop.shell(f"cat {lock}"))["who"] == "eve@desk"
    finally:
        bench.shop.shell(f"rm {lock}")


def test_controller_that_is_killed_leaves_the_host_as_it_was(bench: Bench) -> None:
    before = bench.state()
    run = bench.begin()
    assert bench.state() != before
    # Ansible's workers and their connections are in sessions of their own, and live on.
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    took = bench.is_as_before(before, 60)
    print(f"after SIGKILL of the controller the host is as it was in {took:.1f} s")


def test_module_that_is_killed_leaves_the_host_as_it_was(bench: Bench) -> None:
    before = bench.state()
    run = bench.begin()
    # The keeper sees it by the lock, which the kernel releases.
    bench.shop.shell(KILL_MODULE)
    took = bench.is_as_before(before, 60)
    print(f"after SIGKILL of the module the host is as it was in {took:.1f} s")
    assert run.wait(60) != 0


def test_interrupted_measurement_leaves_the_host_as_it_was(bench: Bench) -> None:
    before = bench.state()
    run = bench.begin()
    # As the terminal does: to each process of the foreground.
    os.killpg(run.pid, signal.SIGINT)
    took = bench.is_as_before(before, 60)
    print(f"after Ctrl-C the host is as it was in {took:.1f} s")
    assert run.wait(60) != 0
