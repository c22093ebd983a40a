"""What counts as wrong on a fleet: each fault alone, on a host that is otherwise well."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import SLOT_PARTS, Reason
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.verification import (
    certificate_lacks,
    drift,
    verify,
)

NOW = 1790100000
DOMAINS = ["shop.example.com", "www.example.com"]
LIVE = {"slot": "blue", "release": "v2", "since": 1790000000, "active": True, "enabled": True}
NGINX = {"active": True, "starting": False, "enabled": True}
WORKER = {"pid": 812, "memory_mb": 47, "healthy": True, "stopped": False, "problem": ""}
DAY = 86400
CERTIFICATE = {
    "names": ["shop.example.com", "*.example.com"],
    "begins": NOW - 36 * DAY,
    "ends": NOW + 64 * DAY,
    "renewal": None,
}
STATE: dict[str, Any] = {
    "application": "shop",
    "at": NOW,
    "live": LIVE,
    "workers_planned": 2,
    "workers": [WORKER, WORKER | {"pid": 813}],
    "health": 200,
    "https": {
        "status": 200,
        "error": "",
        "late": False,
        "certificate_current": True,
        "refused": "",
    },
    "nginx": NGINX,
    "certificate": CERTIFICATE,
    "idle_enabled": [],
    "maintenance_since": None,
    "lock": None,
    "finished": None,
    "disks": {"/opt": 41, "/var": 41},
    "drift": [],
}
HOUR = 3600
EXPIRED = CERTIFICATE | {"ends": NOW - 2 * DAY}
ENVIRONMENT = {"kind": "environment", "text": "environment changed"}
STOPPED = {"kind": "stopped", "text": "shop@blue.service is not running"}


def lock(age: int) -> dict[str, Any]:
    return {"rollout": "r1", "who": "ada@laptop", "since": NOW - age}


def deployed(*hosts: str) -> dict[str, dict[str, Any]]:
    return {host: {"app_name": "shop", "app_domain": DOMAINS} for host in hosts}


def judge(*states: dict[str, Any] | None, given: dict[str, object] | None = None) -> dict[str, Any]:
    hosts = {f"web{number}": state for number, state in enumerate(states, start=1)}
    return verify(hosts, deployed(*hosts), given)


def seen(*states: dict[str, Any] | None, **given: object) -> list[str]:
    return [f"{f['host']}: {f['seen']}" for f in judge(*states, given=given)["findings"]]


def test_verify_finds_nothing_on_a_healthy_fleet() -> None:
    verdict = judge(STATE, STATE)
    assert (verdict["ok"], verdict["findings"], verdict["notes"]) == (True, [], [])
    assert verdict["lines"] == ["verified: 2 hosts as they should be, v2"]


def test_process_that_runs_on_no_host_of_the_fleet_is_found() -> None:
    nowhere = STATE | {"singletons": {"here": False, "processes": ["bot"]}}
    found = ["web1: the process bot runs on no host; expected one host of shop"]
    assert seen(nowhere, nowhere) == found


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no live release": ({"live": None}, "shop has no live release"),
    "service down": ({"live": LIVE | {"active": False}}, "shop@blue.service is not running"),
    "stopped worker": (
        {"workers": [WORKER, WORKER | {"pid": 813, "healthy": False, "stopped": True}]},
        "worker 813 is stopped",
    ),
    "too few workers": ({"workers": [WORKER]}, "1 of 2 workers are healthy"),
    "unhealthy": (
        {"health": 503},
        "the health path on the socket of shop@blue gives status 503; expected 200",
    ),
    "silent": ({"health": 0}, "the health path on the socket of shop@blue gives no answer"),
    "not enabled": (
        {"live": LIVE | {"enabled": False}},
        "shop@blue is not enabled: it would not start at boot",
    ),
    "idle enabled": (
        {"idle_enabled": ["shop@green.socket"]},
        "shop@green.socket of the idle slot would start at boot",
    ),
    "nginx down": ({"nginx": NGINX | {"active": False}}, "nginx is not running"),
    "nginx not enabled": (
        {"nginx": NGINX | {"enabled": False}},
        "nginx is not enabled: it would not start at boot",
    ),
    "https": (
        {"https": STATE["https"] | {"status": 502}},
        "nginx answers the health path with 502; expected 200",
    ),
    "https refused": (
        {"https": STATE["https"] | {"status": 0, "error": "refused"}},
        "nginx does not answer HTTPS (refused)",
    ),
    "old certificate served": (
        {"https": STATE["https"] | {"certificate_current": False}},
        "nginx serves another certificate than the one on disk",
    ),
    "no certificate": ({"certificate": None}, "there is no certificate that can be read"),
    "certificate ends": (
        {"certificate": CERTIFICATE | {"begins": NOW - 7 * DAY, "ends": NOW + 2 * DAY}},
        "the certificate has 22 % of its lifetime left, and ends on 2026-09-24 18:00 UTC, in "
        "2 days; expected at least 25 %",
    ),
    "certificate ended": ({"certificate": EXPIRED}, "the certificate expired 2 days ago"),
    "certificate of others": (
        {"certificate": CERTIFICATE | {"names": ["shop.example.com"]}},
        "the certificate does not cover www.example.com",
    ),
    "drift": (
        {"drift": [ENVIRONMENT, STOPPED]},
        "differs from the inventory: environment",
    ),
    "disk": (
        {"disks": {"/opt": 41, "/var": 90}},
        "the file system of /var is 90 % full; expected less than 90 %",
    ),
    "old lock": ({"lock": lock(4 * HOUR)}, "locked by ada@laptop for 4 hours (rollout r1)"),
    "old maintenance": (
        {"maintenance_since": NOW - 5 * HOUR},
        "shows the maintenance page for 5 hours",
    ),
}


def test_drift_is_what_differs_from_the_inventory_and_not_why_it_switches() -> None:
    kinds = ("first", "release", "restart", "stopped", *SLOT_PARTS)
    reasons: list[Reason] = [{"kind": kind, "text": "environment changed"} for kind in kinds]
    assert drift(reasons) == list(SLOT_PARTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_verify_finds_each_fault_on_its_host_alone(fault: str) -> None:
    changed, expected = FAULTS[fault]
    verdict = judge(STATE, STATE | changed)
    assert [f"{f['host']}: {f['seen']}" for f in verdict["findings"]] == [f"web2: {expected}"]
    assert verdict["findings"][0]["todo"]
    assert verdict["ok"] is False
    assert verdict["lines"][0] == "1 finding on 1 of 2 hosts:"
    assert verdict["lines"][1].startswith(f"  - web2: {expected}; to do: ")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, "web2: did not answer: it was not asked"),
        ({"error": "timed out", "unreachable": True}, "web2: did not answer: timed out"),
        ({"error": "no sudo", "unreachable": False}, "web2: could not be asked: no sudo"),
    ],
)
def test_verify_finds_a_host_that_could_not_be_asked(
    state: dict[str, Any] | None, expected: str
) -> None:
    assert seen(STATE, state) == [expected]


def with_release(release: str, finished: dict[str, Any] | None = None) -> dict[str, Any]:
    return STATE | {"live": LIVE | {"release": release}, "finished": finished}


V1, V2 = {"release": "v1", "at": 1}, {"release": "v2", "at": 2}


@pytest.mark.parametrize(
    ("states", "given", "expected"),
    [
        ([("v2", V2), ("v1", V1)], {}, ["web2: runs release v1; expected v2 (the last rollout)"]),
        ([("v2", V2), ("v2", None)], {}, []),
        # Put back by hand on most hosts: what the fleet last agreed on still counts.
        (
            [("v1", V2), ("v1", V2), ("v2", V2)],
            {},
            [f"web{n}: runs release v1; expected v2 (the last rollout)" for n in (1, 2)],
        ),
        (
            [("v2", None), ("v1", None), ("v2", None)],
            {},
            ["web2: runs release v1; expected v2 (2 of 3 hosts)"],
        ),
        # Nobody knows which of two is right.
        ([("v2", None), ("v1", None)], {}, []),
        (
            [("v2", V2), ("v1", V2)],
            {"release": "v1"},
            ["web1: runs release v2; expected v1 (-e release)"],
        ),
    ],
)
def test_verify_finds_a_wrong_release(
    states: list[tuple[str, dict[str, Any] | None]], given: dict[str, Any], expected: list[str]
) -> None:
    assert seen(*(with_release(*state) for state in states), **given) == expected


def test_verify_compares_hosts_of_one_application_only() -> None:
    states = {"web1": with_release("v2", V2), "api1": with_release("v9")}
    other = {"app_name": "api", "app_domain": ["shop.example.com"]}
    assert verify(states, {**deployed("web1"), "api1": other})["findings"] == []


def test_verify_spares_what_a_rollout_is_just_changing() -> None:
    changing = with_release("v1", V2) | {
        "idle_enabled": ["shop@green.socket"],
        "drift": [ENVIRONMENT],
    }
    verdict = judge(changing, STATE | {"lock": lock(60)})
    assert verdict["findings"] == []
    assert verdict["lines"][1:] == ["web2: a rollout is running, by ada@laptop (rollout r1)"]


def test_verify_of_a_rollout_still_finds_what_it_must_not_touch() -> None:
    found = seen(STATE | {"lock": lock(60), "health": 0})
    assert found == ["web1: the health path on the socket of shop@blue gives no answer"]


def test_verify_of_a_forgotten_lock_finds_the_rest_as_well() -> None:
    found = seen(STATE | {"lock": lock(5 * HOUR), "drift": [ENVIRONMENT]})
    assert len(found) == 2


def test_verify_lets_maintenance_answer_503_and_says_so() -> None:
    https = STATE["https"] | {"status": 503}
    verdict = judge(STATE | {"maintenance_since": NOW - 60, "https": https})
    assert verdict["ok"]
    assert verdict["notes"] == ["web1: the maintenance page is shown to clients"]
    assert seen(STATE | {"https": https}) != []


def test_verify_finds_the_site_of_somebody_else() -> None:
    https = STATE["https"] | {
        "certificate_current": False,
        "refused": "it is for other.example.com, not for shop.example.com",
    }
    assert seen(STATE | {"https": https}) == [
        "web1: visitors refuse the certificate that nginx serves: it is for other.example.com, not "
        "for shop.example.com",
        "web1: nginx serves another certificate than the one on disk",
    ]


def test_verify_finds_an_expired_certificate_once() -> None:
    https = STATE["https"] | {"refused": "it expired 2 days ago"}
    assert seen(STATE | {"https": https, "certificate": EXPIRED}) == [
        "web1: the certificate expired 2 days ago"
    ]


def test_verify_finds_what_the_application_answers_once() -> None:
    https = STATE["https"] | {"status": 500}
    assert seen(STATE | {"https": https, "health": 500}) == [
        "web1: the health path on the socket of shop@blue gives status 500; expected 200"
    ]


HAPROXY = {"haproxy.service": {"active": True, "starting": False, "enabled": True}}
THROUGH: dict[str, Any] = {
    "units": HAPROXY,
    "disks": {},
    "servers": {"shop/web1": {"serves": True, "drained": False, "check": "L7OK/200"}},
    "answers": {
        "shop": {
            "status": 200,
            "error": "",
            "late": False,
            "certificate_current": None,
            "refused": "",
        }
    },
}


def through(**changed: object) -> dict[str, Any]:
    return verify({"web1": STATE}, deployed("web1"), {}, {"lb1": THROUGH | changed})


def test_verify_finds_nothing_behind_a_healthy_balancer() -> None:
    assert (through()["ok"], through()["notes"]) == (True, [])


def test_verify_finds_a_host_that_a_balancer_does_not_take() -> None:
    down = {"shop/web1": {"serves": False, "drained": False, "check": "L4TOUT"}}
    found = through(servers=down)["findings"]
    assert [(one["host"], one["seen"]) for one in found] == [
        ("web1", "lb1 sends it no requests (its check: L4TOUT)")
    ]


def test_verify_notes_a_host_that_an_operator_has_drained() -> None:
    drained = {"shop/web1": {"serves": False, "drained": True, "check": "L7OK/200"}}
    verdict = through(servers=drained)
    assert (verdict["ok"], verdict["notes"]) == (
        True,
        ["web1: is drained at lb1, and gets no requests from there"],
    )


def test_verify_finds_what_visitors_of_a_balancer_get() -> None:
    nobody = {"shop": THROUGH["answers"]["shop"] | {"status": 503}}
    assert [one["seen"] for one in through(answers=nobody)["findings"]] == [
        "it answers the health path of shop with 503: no host of shop serves"
    ]
    stopped = {"haproxy.service": HAPROXY["haproxy.service"] | {"active": False}}
    found = through(units=stopped, servers={}, answers={})["findings"]
    assert [one["seen"] for one in found] == ["haproxy.service is not running"]


RENEWAL = {"mode": "acme", "checked": NOW, "renewed": 0, "failures": 3, "reason": "", "next": NOW}
FAILED = RENEWAL | {"reason": "the directory does not answer"}


def test_verify_warns_of_renewals_that_fail_while_there_is_time() -> None:
    [finding] = judge(STATE | {"certificate": CERTIFICATE | {"renewal": FAILED}})["findings"]
    assert finding == {
        "host": "web1",
        "seen": "the certificate ends in 64 days; 3 renewals in a row failed: the directory does "
        "not answer",
        "todo": "there: journalctl -u shop-certificate.service -n 50; then systemctl start "
        "shop-certificate.service",
        "severity": "warning",
    }


def test_verify_says_why_a_certificate_that_ends_was_not_renewed() -> None:
    ends = CERTIFICATE | {"ends": NOW + 5 * HOUR, "renewal": FAILED | {"failures": 1}}
    [finding] = judge(STATE | {"certificate": ends})["findings"]
    assert finding["severity"] == "fault"
    assert "has 1 % of its lifetime left" in finding["seen"]
    assert finding["seen"].endswith(
        "in 5 hours; expected at least 25 %; 1 renewal in a row failed: the directory does not "
        "answer"
    )


@pytest.mark.parametrize(
    ("mode", "todo"),
    [
        ("selfsigned", "run ansible-playbook playbooks/certificates.yml"),
        ("internal_ca", "run ansible-playbook playbooks/certificates.yml"),
        (
            "provided",
            "have a new one issued, give it in app_tls, and run "
            "ansible-playbook playbooks/certificates.yml",
        ),
    ],
)
def test_verify_says_what_renews_a_certificate(mode: str, todo: str) -> None:
    deployments = {"web1": {"app_name": "shop", "app_domain": DOMAINS, "app_tls": {"mode": mode}}}
    state = STATE | {"certificate": EXPIRED}
    assert [one["todo"] for one in verify({"web1": state}, deployments, {})["findings"]] == [todo]


def test_verify_finds_the_certificate_of_a_balancer() -> None:
    state = THROUGH | {"at": NOW, "certificates": {"shop": EXPIRED, "blog": CERTIFICATE}}
    found = verify({"web1": STATE}, deployed("web1"), {}, {"lb1": state})["findings"]
    assert [(one["host"], one["seen"]) for one in found] == [
        ("lb1", "the certificate of shop expired 2 days ago")
    ]


def test_verify_reports_every_finding_of_every_host() -> None:
    verdict = judge(STATE | {"health": 0, "certificate": EXPIRED}, None)
    assert verdict["lines"][0] == "3 findings on 2 of 2 hosts:"
    assert len(verdict["lines"]) == 4


def test_limits_move_what_is_found() -> None:
    assert seen(STATE, certificate_percent="64") == []
    assert len(seen(STATE, certificate_percent="65")) == 1
    assert len(seen(STATE, disk_percent=41)) == 2
    assert seen(STATE | {"lock": lock(5 * HOUR)}, stale_hours=6) == []


@pytest.mark.parametrize(
    ("names", "domain", "covered"),
    [
        (["shop.example.com"], "shop.example.com", True),
        (["Shop.Example.com"], "shop.example.COM", True),
        (["*.example.com"], "shop.example.com", True),
        (["*.example.com"], "*.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "a.shop.example.com", False),
        (["shop.example.com"], "*.example.com", False),
        ([], "shop.example.com", False),
    ],
)
def test_certificate_covers_as_rfc_6125_says(names: list[str], domain: str, covered: bool) -> None:
    assert (certificate_lacks(names, [domain]) == []) is covered


UPDATES: dict[str, Any] = {
    "waiting": [{"package": "nginx", "installed": "1.0", "version": "1.1", "held": False}],
    "lists_at": NOW,
    "reboot_required": False,
    "reboot_packages": [],
    "error": "",
}
BALANCER: dict[str, Any] = {
    "at": NOW,
    "units": {"haproxy.service": {"active": True, "enabled": True}},
    "disks": {"/var": 41},
    "updates": UPDATES | {"waiting": []},
}


@pytest.mark.parametrize(("fail_on", "ok"), [("fault", True), ("warning", False), ("", True)])
def test_warning_is_told_with_what_to_do_and_fails_if_asked_to(fail_on: str, ok: bool) -> None:
    verdict = judge(STATE, STATE | {"updates": UPDATES}, given={"fail_on": fail_on})
    assert (verdict["ok"], verdict["failed"]) == (ok, [] if ok else ["web2"])
    assert [finding["severity"] for finding in verdict["findings"]] == ["warning"]
    assert verdict["lines"][:2] == [
        "verified: 2 hosts as they should be, v2",
        "1 warning on 1 of 2 hosts:",
    ]
    assert verdict["lines"][2].startswith(
        "  - web2: security updates wait: nginx 1.0 -> 1.1; to do"
    )


def test_faults_are_told_before_warnings_and_notes() -> None:
    kills = {"shop@blue.service": {"total": 1, "recent": 0}}
    state = STATE | {"health": 0, "updates": UPDATES, "memory_kills": kills}
    lines = judge(state)["lines"]
    assert lines[0] == "1 finding on 1 of 1 host:"
    assert lines[2] == "1 warning on 1 of 1 host:"
    assert lines[4].startswith("web1: the kernel killed 1 process of shop@blue.service")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        (None, ["did not answer: it was not asked"]),
        ({"error": "timed out", "unreachable": True}, ["did not answer: timed out"]),
        (
            {"units": {"haproxy.service": {"active": False, "enabled": True}}},
            ["haproxy.service is not running"],
        ),
        (
            {"disks": {"/var": 95}},
            ["the file system of /var is 95 % full; expected less than 90 %"],
        ),
        ({"updates": UPDATES}, ["security updates wait: nginx 1.0 -> 1.1"]),
    ],
    ids=["well", "not asked", "unreachable", "down", "full", "updates"],
)
def test_verify_looks_at_balancers_as_well(
    changed: dict[str, Any] | None, expected: list[str]
) -> None:
    state = None if changed is None else BALANCER | changed
    verdict = verify({"web1": STATE}, deployed("web1"), balancers={"lb1": state})
    assert [f["seen"] for f in verdict["findings"]] == expected
    assert {f["host"] for f in verdict["findings"]} <= {"lb1"}
    assert ("of 2 hosts" in verdict["lines"][-2]) if expected else verdict["ok"]


def test_verify_of_balancers_alone_names_no_release() -> None:
    verdict = verify({}, {}, balancers={"lb1": BALANCER})
    assert verdict["lines"] == ["verified: 1 host as it should be"]


@pytest.mark.parametrize(
    ("estimate", "todo"),
    [(47, ""), (46, "set app_worker_memory_mb: 64, or lower app_workers, and run"), (0, "")],
)
def test_worker_that_holds_more_than_the_plan_counts_is_a_warning(estimate: int, todo: str) -> None:
    deployments = {"web1": deployed("web1")["web1"] | {"app_worker_memory_mb": estimate}}
    found = verify({"web1": STATE}, deployments)
    told = [one for one in found["findings"] if "largest worker" in one["seen"]]
    assert [one["severity"] for one in told] == (["warning"] if todo else [])
    assert all(one["todo"].startswith(todo) for one in told)
    assert found["ok"]
