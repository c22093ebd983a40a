"""What runs once in the fleet must run on one host, and on no other."""

from __future__ import annotations

from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.singletons import homeless


def timer(here: bool, *, once: bool = True) -> dict[str, Any]:
    told = {"name": "report", "due": here, "once_per_fleet": once}
    return {"application": "shop", "timers": [told]}


def bot(here: bool) -> dict[str, Any]:
    return {"application": "shop", "singletons": {"here": here, "processes": ["bot"]}}


def test_process_of_one_host_must_run_on_one() -> None:
    assert list(homeless({"web1": bot(False), "web2": bot(True)}, whole=True)) == []
    two = {"web1": bot(True), "web2": bot(True)}
    told = [("web2", "the process bot runs on web1, web2; expected one host of shop")]
    assert [found[:2] for found in homeless(two, whole=False)] == told
    none = {"web1": bot(False), "web2": bot(False)}
    told = [("web1", "the process bot runs on no host; expected one host of shop")]
    assert [found[:2] for found in homeless(none, whole=True)] == told


def test_hosts_that_were_not_asked_may_run_it() -> None:
    assert list(homeless({"web1": bot(False)}, whole=False)) == []
    silent: dict[str, Any] = {"web1": bot(False), "web2": {"error": "no answer"}}
    assert list(homeless(silent, whole=True)) == []
    older = {"web1": {"application": "shop"}, "web2": None}
    assert list(homeless(older, whole=True)) == []


def test_timer_of_one_host_must_elapse_on_one() -> None:
    one = {"web1": timer(False), "web2": timer(True)}
    assert list(homeless(one, whole=True)) == []
    two = {"web1": timer(True), "web2": timer(True)}
    told = [("web2", "the timer report elapses on web1, web2; expected one host of shop")]
    assert [found[:2] for found in homeless(two, whole=False)] == told
    none = {"web1": timer(False), "web2": timer(False)}
    told = [("web1", "the timer report elapses on no host; expected one host of shop")]
    assert [found[:2] for found in homeless(none, whole=True)] == told


def test_hosts_that_were_not_asked_may_have_it_elapse() -> None:
    none = {"web1": timer(False)}
    assert list(homeless(none, whole=False)) == []
    assert list(homeless({**none, "web2": {"error": "no answer"}}, whole=True)) == []


def test_timer_of_every_host_may_elapse_on_several_and_on_none() -> None:
    for here in (True, False):
        every = {"web1": timer(here, once=False), "web2": timer(here, once=False)}
        assert list(homeless(every, whole=True)) == []
