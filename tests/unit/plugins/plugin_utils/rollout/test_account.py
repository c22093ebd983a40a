"""The record of a rollout: outcomes, phases, what each host says, and what to type next."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.account import (
    Told,
    app_outcome,
    began_at,
    beginning,
    host_told,
    make_record,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import plan_waves

ID = "20261128T101112-5f3a"
BEGAN = 1_795_860_672.0
OLD, NEW = "1.4.0-9f86d081", "1.4.1-2c26b46b"
DEPLOYMENT = {
    "app_name": "shop",
    "app_domain": ["shop.example.com"],
    "app_source": {"type": "git", "url": "https://git.example.com/shop.git"},
    "app_workers": "auto",
    "app_worker_memory_mb": 128,
    "fleet_waves": [1, "100%"],
}
RECEIPT = {
    "start": BEGAN,
    "end": BEGAN + 30,
    "requests": 10,
    "failed": 1,
    "by_release": {NEW: {"requests": 10, "failed": 1}},
    "latency_ms": {"4": 10},
    "gaps": [(None, BEGAN + 1), (BEGAN + 1, BEGAN + 2), (BEGAN + 29, None)],
    "shortest_gap": 0,
    "bin_seconds": 1,
    "bins": [(int(BEGAN) + 1, 10, 1)],
}
PACKED = {
    "release_id": NEW,
    "commit": "2c26b46b" * 5,
    "subject": "Sell more",
    "shown": {"url": "https://git.example.com/shop.git"},
}
TOLD = Told(
    id=ID,
    kind="release",
    who="ada@laptop",
    inventory="production",
    ended_at=BEGAN + 40,
    command="ansible-playbook -i inventory/production",
)


def host(**changed: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a host that was switched, soaked and ended."""
    variables = {
        "deployment": DEPLOYMENT,
        "rollout_begun": {
            "live": OLD,
            "capacity": {"cores": 2, "memory_bytes": 4 * 2**30},
            "releases": [],
        },
        "rollout_target": {"id": NEW},
        "__python_release_packed": PACKED,
        "python_release_result": {"took": {"from": BEGAN + 1, "to": BEGAN + 9}},
        "gunicorn_service_result": {
            "changed": True,
            "took": {"from": BEGAN + 10, "to": BEGAN + 13},
            "steps": [
                {"step": "free the idle slot", "seconds": 0.5},
                {"step": "configure", "seconds": 0.5},
                {"step": "start until healthy", "seconds": 1.5},
                {"step": "cut over", "seconds": 0.1},
            ],
            "notes": ["a device is hidden"],
        },
        "wave_look": {"took": {"from": BEGAN + 23, "to": BEGAN + 24}},
    }
    return {name: value for name, value in (variables | changed).items() if value is not None}


def progress(stopped: str = "", **states: str) -> dict[str, Any]:
    hosts = {
        name: {"app": "shop", "release": NEW, "state": state, "reason": ""}
        for name, state in states.items()
    }
    return {"hosts": hosts, "stopped": {"shop": stopped} if stopped else {}, "to_revert": []}


ENDED = {"live": NEW, "receipt": RECEIPT, "took": {"from": BEGAN + 30, "to": BEGAN + 31}}


def record(told: Told = TOLD, *, done: dict[str, Any], **hosts: dict[str, Any]) -> Any:  # noqa: ANN401
    ended = {name: variables.pop("ended", ENDED) for name, variables in hosts.items()}
    plan = plan_waves(dict.fromkeys(hosts, DEPLOYMENT))
    return make_record(told, plan, done, hosts, ended, ["HOST  RELEASE  STATE"])


def test_record_of_a_release_has_all_that_is_known() -> None:
    found = record(done=progress(web1="live", web2="live"), web1=host(), web2=host(wave_look=None))
    assert (found["schema"], found["id"], found["kind"]) == (1, ID, "release")
    assert (found["began_at"], found["ended_at"]) == (BEGAN, BEGAN + 40)
    assert (found["outcome"], found["reason"], found["next"]) == ("succeeded", "", [])
    assert found["apps"]["shop"] == {
        "domain": "shop.example.com",
        "release": NEW,
        "before": [OLD],
        "commit": "2c26b46b" * 5,
        "subject": "Sell more",
        "url": "https://git.example.com/shop.git",
        "waves": [["web1"], ["web2"]],
        "outcome": "succeeded",
        "reason": "",
        "backup": None,
    }
    assert (found["receipt"]["requests"], found["receipt"]["failed"]) == (20, 2)
    web1, web2 = found["hosts"]["web1"], found["hosts"]["web2"]
    assert (web1["wave"], web2["wave"]) == (1, 2)
    assert (web1["state"], web1["before"], web1["after"]) == ("live", OLD, NEW)
    assert web1["notes"] == ["a device is hidden"]
    assert web1["workers"] == 5
    assert web1["receipt"]["longest_gap_ms"] == 1000


def test_record_has_the_phases_of_a_host_without_holes() -> None:
    phases = record(done=progress(web1="live"), web1=host())["hosts"]["web1"]["phases"]
    spans = [
        (phase["name"], round(phase["from"] - BEGAN, 2), round(phase["to"] - BEGAN, 2))
        for phase in phases
    ]
    assert spans == [
        ("build", 1, 9),
        ("start", 10, 11.4),
        ("healthy", 11.4, 12.9),
        ("cut over", 12.9, 13),
        ("soak", 13, 23),
        ("drain", 30, 31),
    ]


def test_record_of_a_failed_wave_has_the_reason_and_the_revert() -> None:
    took = {"from": BEGAN + 25, "to": BEGAN + 26}
    found = record(
        done=progress("web1: 10 of 100 requests failed\nmore", web1="live"),
        web1=host(
            rollout_reverted={"changed": True, "took": took},
            ended=ENDED | {"live": OLD},
        ),
        web2=host(
            gunicorn_service_result=None, wave_look=None, ended={"live": OLD, "receipt": None}
        ),
    )
    assert found["outcome"] == "reverted"
    assert found["reason"] == "web1: 10 of 100 requests failed\nmore"
    assert found["hosts"]["web1"]["state"] == "reverted"
    assert found["hosts"]["web1"]["after"] == OLD
    assert {"name": "revert"} | took in found["hosts"]["web1"]["phases"]
    assert found["hosts"]["web2"]["state"] == "not begun"
    assert found["hosts"]["web2"]["receipt"] is None
    assert found["next"] == [
        "ansible-playbook -i inventory/production playbooks/verify.yml",
        "ansible-playbook -i inventory/production deploy.yml",
    ]


@pytest.mark.parametrize(
    ("reason", "states", "early", "kind", "expected"),
    [
        ("", {"web1": "live"}, False, "release", "succeeded"),
        ("bad", {"web1": "reverted", "web2": "not begun"}, False, "release", "reverted"),
        ("bad", {"web1": "refused"}, False, "release", "reverted"),
        ("bad", {"web1": "live"}, False, "release", "failed"),
        ("bad", {"web1": "reverted", "web2": "NOT REVERTED"}, False, "release", "failed"),
        ("bad", {"web1": "unreachable"}, False, "release", "failed"),
        ("interrupted by", {"web1": "reverted"}, False, "release", "interrupted"),
        ("interrupted by", {"web1": "NOT REVERTED"}, False, "release", "failed"),
        ("", {"web1": "not begun"}, True, "release", "refused"),
        ("", {"web1": "not begun"}, True, "patch", "failed"),
    ],
)
def test_outcome_is_what_became_of_the_hosts(
    reason: str, states: dict[str, str], early: bool, kind: str, expected: str
) -> None:
    done = {"stopped": {"shop": reason} if reason else {}, "hosts": {}}
    assert app_outcome("shop", kind, done, states, early=early) == expected


def test_outcome_of_an_end_after_the_waves_is_a_failure() -> None:
    done = progress(web1="live")
    assert app_outcome("shop", "release", done, {"web1": "live"}, early=True) == "failed"


def test_record_of_a_rollout_that_ended_early_has_its_reasons() -> None:
    told = Told(**vars(TOLD) | {"failure": "stopped", "early": ["web1: cannot be built"]})
    found = record(
        told,
        done={},
        web1=host(gunicorn_service_result=None, wave_look=None, ended={"live": OLD}),
    )
    assert (found["outcome"], found["reason"]) == ("refused", "web1: cannot be built")
    assert found["hosts"]["web1"]["state"] == "not begun"


def test_record_of_a_release_that_nobody_gets_is_a_failure() -> None:
    told = Told(**vars(TOLD) | {"failure": "visitors are not served"})
    found = record(told, done=progress(web1="live"), web1=host())
    assert (found["outcome"], found["reason"]) == ("failed", "visitors are not served")


def test_record_of_a_rollback_has_the_commit_that_the_host_remembers() -> None:
    begun = {"live": NEW, "releases": [{"id": OLD, "commit": "9f86", "subject": "Sell"}]}
    found = record(
        done=progress(web1="live"),
        web1=host(rollout_begun=begun, rollout_target={"id": OLD}, __python_release_packed=None),
    )
    shop = found["apps"]["shop"]
    assert (shop["release"], shop["commit"], shop["subject"]) == (OLD, "9f86", "Sell")
    assert found["hosts"]["web1"]["workers"] is None


def test_record_of_a_patched_host_says_so() -> None:
    told = Told(**vars(TOLD) | {"kind": "patch"})
    names = ("rollout_target", "__python_release_packed", "python_release_result")
    nothing = dict.fromkeys([*names, "gunicorn_service_result", "wave_look"])
    found = record(told, done={}, web1=host(**nothing), web2=host(**nothing, ended={}))
    assert [one["state"] for one in found["hosts"].values()] == ["patched", "not begun"]
    assert found["apps"]["shop"]["release"] == OLD


def test_record_shows_no_credentials_of_a_source() -> None:
    source = {"type": "git", "url": "https://ada:secret@git.example.com/shop.git"}
    variables = host(__python_release_packed=None, deployment=DEPLOYMENT | {"app_source": source})
    assert "secret" not in str(record(done=progress(web1="live"), web1=variables))


def test_host_keeps_the_first_line_of_the_reason() -> None:
    told = host_told(
        "shop", "release", progress("bad\njournal", web1="live"), host(), {"web1": "reverted"}
    )
    assert told == {
        "kind": "release",
        "outcome": "reverted",
        "reason": "bad",
        "release": NEW,
        "before": OLD,
        "commit": "2c26b46b" * 5,
        "subject": "Sell more",
    }


def test_host_that_could_not_build_keeps_why() -> None:
    variables = host(ansible_failed_result={"failed": True, "msg": "no such package"})
    told = host_told("shop", "release", {}, variables, {"web1": "not begun"}, early=True)
    assert (told["outcome"], told["reason"]) == ("refused", "no such package")


def test_rollout_begins_at_the_time_in_its_id() -> None:
    assert began_at(ID) == BEGAN


def test_rollout_that_begins_is_told_by_what_is_known_then() -> None:
    hostvars = {"web1": host(), "web2": host(rollout_begun={"live": ""})}
    plan = plan_waves(dict.fromkeys(hostvars, DEPLOYMENT))
    found = beginning(plan, ID, "release", "ada@laptop", hostvars)
    assert found == {
        "id": ID,
        "kind": "release",
        "who": "ada@laptop",
        "began_at": BEGAN,
        "apps": {"shop": {"before": [OLD, "none"], "waves": [["web1"], ["web2"]]}},
    }
