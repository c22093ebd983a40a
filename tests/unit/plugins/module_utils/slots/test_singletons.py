"""What runs once in a fleet comes to a host and leaves it, without a cut-over."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import Process
from ansible_collections.asgi.fleet.plugins.module_utils.slots import singletons

from tests.unit.plugins.module_utils.slot_host import Host, with_processes

CLOCK = "shop@blue-clock-1.service"


def deployed(host: Host, *, here: bool) -> None:
    desired = with_processes(host.desired(), Process("clock", once_per_fleet=True))
    host.activate(replace(desired, singletons=here))
    host.calls.clear()


def test_host_tells_whether_it_has_anything_of_the_kind(host: Host) -> None:
    nothing = {"here": False, "away": False, "planned": False}
    assert singletons.look(host.application) == nothing
    host.activate(host.desired())
    assert singletons.look(host.application) == nothing
    deployed(host, here=False)
    assert singletons.look(host.application)["planned"]


def test_it_ends_before_the_host_says_that_it_has_left(host: Host) -> None:
    deployed(host, here=True)
    assert singletons.leave(host.application, 1) == (True, {})
    assert host.calls[0] == (f"stop {CLOCK}", "blue")
    assert CLOCK not in host.enabled
    assert host.states[CLOCK]["ActiveState"] == "inactive"
    assert singletons.look(host.application) == {"here": False, "away": True, "planned": True}
    assert host.application.live_slot() == "blue"


def test_leaving_twice_changes_nothing(host: Host) -> None:
    deployed(host, here=True)
    singletons.leave(host.application, 1)
    host.calls.clear()
    assert singletons.leave(host.application, 1) == (False, {})
    assert host.calls == []


def test_it_starts_where_it_is_taken(host: Host) -> None:
    deployed(host, here=False)
    assert singletons.take(host.application, {})
    assert host.states[CLOCK]["ActiveState"] == "active"
    assert CLOCK in host.enabled
    assert not singletons.take(host.application, {})


def test_a_host_that_comes_back_takes_nothing(host: Host) -> None:
    deployed(host, here=True)
    singletons.leave(host.application, 1)
    assert singletons.come_back(host.application)
    assert singletons.look(host.application) == {"here": False, "away": False, "planned": True}
    assert host.states[CLOCK]["ActiveState"] == "inactive"
    assert not singletons.come_back(host.application)
