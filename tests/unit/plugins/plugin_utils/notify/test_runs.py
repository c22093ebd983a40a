"""Who is told what at the end of a run."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.runs import (
    Run,
    begin,
    ends,
    interrupted,
    kind_of,
)

APPS = {"shop": ["web1", "web2"], "blog": ["web3"]}


def run(
    *kinds: str,
    ahead: tuple[str, ...] = (),
    label: str = "",
    told: dict[str, list[str]] | None = None,
) -> Run:
    made = Run(who="ada@laptop", ahead=ahead or kinds, label=label, told=told or {})
    for kind in kinds:
        made.enter(kind)
    return made


def texts(of: Run, failed: list[str], changed: list[str]) -> dict[str, str]:
    found = ends(of, APPS, failed=failed, changed=changed, at=7)
    return {event["app"]: f"{event['event']}: {event['text']}" for event in found}


@pytest.mark.parametrize(
    ("path", "rollout", "kind"),
    [
        ("patch.yml", "", "patch"),
        ("patch.yml", "restart", "patch"),
        ("waves.yml", "restart", "restart"),
        ("aim_at_live.yml", "scale", "scale"),
        ("waves.yml", "site", ""),
        ("check.yml", "restart", ""),
        ("", "", ""),
    ],
)
def test_kind_is_that_of_the_playbook(path: str, rollout: str, kind: str) -> None:
    assert kind_of(path, rollout) == kind


def test_end_is_told_of_what_changed() -> None:
    assert texts(run("patch"), [], ["web2", "web1"]) == {
        "shop": "end: shop: patch ended on web1, web2 (ada@laptop)"
    }


def test_end_is_not_told_where_nothing_changed() -> None:
    assert texts(run("certificates"), [], []) == {}


def test_balancer_is_of_all_applications() -> None:
    assert texts(run("balancer"), [], ["lb1"]) == {
        app: f"end: {app}: configuration of the balancers ended on lb1 (ada@laptop)" for app in APPS
    }


def test_failure_is_told_with_its_reasons_and_not_the_end_of_others() -> None:
    failing = run("patch")
    failing.fail("web1", "apt is locked\nline 2")
    failing.fail("web1", "a consequence")
    (event,) = ends(failing, APPS, failed=["web1"], changed=["web2"], at=7)
    assert event["text"] == "shop: patch failed on web1 (ada@laptop)"
    assert event["detail"] == [
        "web1: apt is locked",
        "line 2",
        "next: fix the cause, then run the command again",
    ]


def test_failure_that_ends_a_play_for_all_is_told_to_all() -> None:
    failing = run("patch")
    failing.fail("web1", "apt is locked", stopped=["web1", "web2", "web3"])
    told = {event["app"]: event for event in ends(failing, APPS, failed=["web1"], changed=[], at=7)}
    assert told["shop"]["hosts"] == ["web1"]
    assert told["blog"]["text"] == "blog: patch failed on web3 (ada@laptop)"
    assert told["blog"]["detail"][:2] == [
        "web1: apt is locked",
        "web3: stopped, because another host failed",
    ]


def test_failure_is_of_the_host_that_refused_and_not_of_the_first() -> None:
    rollout = run("release")
    rollout.refuse("web2", "it does not import")
    rollout.refuse("web3", "of another application, whose rollout went on")
    rollout.fail("", "stopped (see above)", stopped=["web1", "web2"])
    (event,) = ends(rollout, APPS, failed=["web1"], changed=[], at=7)
    assert event["text"] == "shop: release failed on web2 (ada@laptop)"
    assert event["detail"][0] == "web2: it does not import"


def test_failure_without_a_reason_says_what_the_playbook_said() -> None:
    rollout = run("release")
    rollout.fail("", "visitors are not served", stopped=["web1", "web2"])
    (event,) = ends(rollout, APPS, failed=["web1"], changed=[], at=7)
    assert event["detail"][0] == "web1: visitors are not served"


def test_failure_before_any_work_is_not_told() -> None:
    refused = Run(ahead=["patch"])
    refused.fail("web1", "app_workers is 0")
    assert ends(refused, APPS, failed=["web1"], changed=[], at=7) == []


def test_failure_is_of_the_kind_in_which_it_happened() -> None:
    deploy = run("provision", "release", "balancer", ahead=("provision", "release", "balancer"))
    deploy.fail("lb1", "no")
    deploy.told["shop"] = ["begin", "end"]
    assert texts(deploy, ["lb1"], ["web1"])["shop"] == (
        "failed: shop: configuration of the balancers failed on lb1 (ada@laptop)"
    )


@pytest.mark.parametrize("event", ["failed", "reverted"])
def test_failure_that_a_rollout_has_told_is_not_told_again(event: str) -> None:
    rollout = run("release", told={"shop": [event]})
    assert texts(rollout, ["web1", "web3"], ["web1"]) == {
        "blog": "failed: blog: release failed on web3 (ada@laptop)"
    }


def test_deploy_is_told_as_a_release() -> None:
    deploy = run("provision", "release", "balancer")
    assert texts(deploy, [], ["web1"]) == {"shop": "end: shop: release ended on web1 (ada@laptop)"}
    deploy.told["shop"] = ["end"]
    assert texts(deploy, [], ["web1"]) == {}


def test_verify_is_told_only_where_it_has_not_judged() -> None:
    verify = run("verify")
    assert texts(verify, ["web1"], [])["shop"].startswith("failed: shop: verify failed on web1")
    assert texts(verify, [], ["web1"]) == {}
    verify.judged = True
    assert texts(verify, ["web1"], []) == {}


@pytest.mark.parametrize(
    ("kinds", "ahead", "is_told"),
    [
        (["patch"], ("patch",), [True]),
        (["patch", "", "patch"], ("patch",), [True, False, False]),
        (["provision", "release"], ("provision", "release"), [False, False]),
        (["verify"], ("verify",), [False]),
    ],
)
def test_begin_is_told_once_and_of_rollouts_by_themselves(
    kinds: list[str], ahead: tuple[str, ...], is_told: list[bool]
) -> None:
    beginning = Run(ahead=ahead)
    assert [beginning.enter(kind) for kind in kinds] == is_told


def test_begin_and_label() -> None:
    maintenance = run("maintenance", label="maintenance on")
    event = begin(maintenance, "shop", ["web1"], at=7)
    assert event["text"] == "shop: maintenance on begins on web1 (ada@laptop)"


def test_interruption_is_told_unless_the_end_was() -> None:
    cut = run("release", told={"blog": ["begin", "end"]})
    (event,) = interrupted(cut, APPS, at=7)
    assert (event["event"], event["app"]) == ("failed", "shop")
    assert "interrupted" in event["detail"][0]
    assert interrupted(Run(), APPS, at=7) == []
