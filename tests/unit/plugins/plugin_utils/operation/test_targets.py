"""On which hosts a command runs, and what is told of its end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.targets import (
    LOST,
    Looked,
    leader,
    one_application,
    outcome,
    targets,
)

INVENTORY = {"edge": "", "web1": "shop", "web2": "shop", "news1": "news"}
LIVE = Looked("shop", "1.1")
DOWN = Looked("shop", "", "unreachable: timed out")


def test_leader_is_the_first_host_of_the_application() -> None:
    assert leader(INVENTORY, ["web2", "web1"]) == "web1"
    assert leader(INVENTORY, ["news1"]) == "news1"


def test_leader_that_is_left_out_is_refused() -> None:
    with pytest.raises(ValueError, match=r"that of shop is web1, which --limit leaves out"):
        leader(INVENTORY, ["web2"])


def test_command_is_of_one_application() -> None:
    one_application({"web1": "shop", "web2": "shop"})
    with pytest.raises(ValueError, match=r"2 applications \(shop, news\).*--limit web1,web2"):
        one_application({"web1": "shop", "news1": "news", "web2": "shop"})


def test_one_is_the_first_host_that_can() -> None:
    assert targets("one", {"web1": DOWN, "web2": LIVE, "web3": LIVE}) == ["web2"]


def test_all_and_leader_take_every_host_that_was_asked() -> None:
    assert targets("all", {"web1": LIVE, "web2": LIVE}) == ["web1", "web2"]
    assert targets("leader", {"web1": LIVE}) == ["web1"]


@pytest.mark.parametrize("on", ["all", "leader"])
def test_host_that_cannot_stops_all(on: str) -> None:
    with pytest.raises(ValueError, match=r"ran nowhere: of 2 hosts, 1 can run it") as told:
        targets(on, {"web1": DOWN, "web2": LIVE})
    assert str(told.value).endswith("\n  web1: unreachable: timed out")


def test_command_that_no_host_can_run_is_refused_with_the_reasons() -> None:
    with pytest.raises(ValueError, match=r"of 1 host, 0 can run it, and run_on is one"):
        targets("one", {"web1": DOWN})


def end(status: int = 0, problem: str = "", seconds: float = 1.5) -> dict[str, Any]:
    return {"end": {"status": status, "problem": problem, "seconds": seconds}}


def test_outcome_of_success_has_a_line_for_each_host() -> None:
    done = outcome({"web1": end(), "web2": end(seconds=2.0)})
    assert done.lines == ["web1: exit status 0, after 1.5 s", "web2: exit status 0, after 2 s"]
    assert (done.failure, done.status) == ("", 0)


def test_outcome_of_one_host_is_one_line() -> None:
    done = outcome({"web1": end(3, "exit status 3")})
    assert done.lines == []
    assert done.failure == "the command failed on web1: exit status 3, after 1.5 s"
    assert done.status == 3


def test_outcome_passes_on_the_status_of_the_first_host_that_failed() -> None:
    done = outcome({"web1": end(), "web2": end(124, "killed"), "web3": end(3, "exit status 3")})
    assert done.lines[1] == "web2: killed, exit status 124, after 1.5 s"
    assert done.failure == "the command failed on web2, web3; the status of web2 is 124"
    assert done.status == 124


def test_outcome_of_a_lost_host_is_that_of_ssh() -> None:
    done = outcome({"web1": {"end": None, "reason": "unreachable: gone"}})
    assert done.status == LOST
    assert done.failure == "the command failed on web1: unreachable: gone"
    assert outcome({"web1": {"end": None, "reason": ""}}).failure.endswith("web1: no answer")
