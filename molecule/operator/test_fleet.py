"""The fleet that the other files' tests begin with."""

from __future__ import annotations

from fleet import Fleet


def test_the_fleet_runs_one_release_on_both_hosts(fleet: Fleet) -> None:
    releases = {fleet.live(host) for host in fleet.hosts}
    assert len(releases) == 1
    assert fleet.shop.ask("/whoami")["release"] in releases
