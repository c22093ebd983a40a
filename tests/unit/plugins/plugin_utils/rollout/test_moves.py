"""What is done so that exactly one host runs what runs once in a fleet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.moves import moves

HOSTS = ("web1", "web2", "web3")
FREE = {"home": False, "left": False, "live": True}
HOME = {**FREE, "home": True}
LEFT = {**FREE, "left": True}
SILENT: dict[str, Any] = {"unreachable": True}


@pytest.mark.parametrize(
    ("looks", "leaving", "returning", "away", "to"),
    [
        ((FREE, FREE, FREE), (), (), {}, "web1"),
        ((FREE, HOME, FREE), (), (), {}, ""),
        ((HOME, FREE, FREE), ("web1",), (), {"web1": "left"}, "web2"),
        ((HOME, LEFT, FREE), ("web1",), (), {"web1": "left"}, "web3"),
        ((FREE, HOME, FREE), ("web1",), (), {"web1": "left"}, ""),
        ((LEFT, HOME, FREE), (), ("web1",), {"web1": "back"}, ""),
        ((LEFT, LEFT, LEFT), (), ("web2",), {"web2": "back"}, "web2"),
        ((HOME, HOME, FREE), (), (), {"web2": "away"}, ""),
        ((HOME, FREE, FREE), HOSTS, (), dict.fromkeys(HOSTS, "left"), ""),
        (({**HOME, "live": False}, FREE, FREE), (), (), {"web1": "away"}, "web2"),
        ((HOME, SILENT, FREE), (), (), {}, ""),
        ((HOME, FREE, SILENT), ("web1",), (), {}, ""),
    ],
)
def test_moves(
    looks: tuple[dict[str, Any], ...],
    leaving: tuple[str, ...],
    returning: tuple[str, ...],
    away: dict[str, str],
    to: str,
) -> None:
    found = moves(HOSTS, dict(zip(HOSTS, looks, strict=True)), leaving, returning)
    assert (found["away"], found["to"]) == (away, to)


def test_no_host_begins_while_another_may_run_it() -> None:
    found = moves(HOSTS, {"web1": SILENT, "web2": FREE, "web3": FREE})
    assert (found["away"], found["to"], found["lines"]) == ({}, "", [found["problem"]])
    assert found["problem"] == (
        "web1 did not answer and may run what runs once in the fleet; expected an answer before "
        "web2 runs it; bring web1 back or remove it from the inventory, then run again"
    )


def test_move_is_told() -> None:
    looks = {"web1": HOME, "web2": FREE, "web3": FREE}
    told = "web2: runs what runs once in the fleet, until now on web1"
    assert moves(HOSTS, looks, leaving=["web1"])["lines"] == [told]
    told = "no host is left for what runs once in the fleet (web1, web2, web3)"
    assert moves(HOSTS, looks, leaving=HOSTS)["lines"] == [told]
