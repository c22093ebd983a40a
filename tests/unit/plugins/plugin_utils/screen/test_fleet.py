"""What is known of a rollout, from the events of its playbooks."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import (
    HOOK,
    TRAFFIC,
    Outcome,
    Phase,
    Task,
    needs_result,
    phase_after,
    phase_during,
)

from tests.unit.plugins.plugin_utils.screen.story import (
    BEGIN,
    BUILD,
    CUT_OVER,
    END,
    FACT,
    NEW,
    OLD,
    REFUSAL,
    REVERT,
    WATCH,
    Story,
)


def phases(story: Story) -> list[str]:
    return [host.phase.value for host in story.run.fleet.hosts.values()]


def test_fleet_is_unknown_before_the_plan() -> None:
    story = Story(["web1"])
    assert not story.run.fleet.is_known
    assert not story.run.fleet.is_active


def test_fleet_has_its_waves_and_who_runs_it() -> None:
    fleet = Story(["web1"], ["web2", "web3"]).begun().run.fleet
    assert [(name, host.wave) for name, host in fleet.hosts.items()] == [
        ("web1", 1),
        ("web2", 2),
        ("web3", 2),
    ]
    assert (fleet.id, fleet.who, fleet.wave) == ("20261128T101112-5f3a", "ada@laptop", 0)
    assert all(host.before == OLD and host.locked for host in fleet.hosts.values())
    assert fleet.is_active


def test_fleet_with_two_applications_has_the_hosts_in_the_order_of_the_waves() -> None:
    story = Story(["web1"])
    story.facts(rollout_plan={"waves": {"shop": [["web1"], ["web2"]], "blog": [["web3"]]}})
    assert list(story.run.fleet.hosts) == ["web1", "web3", "web2"]
    assert story.run.fleet.hosts["web3"].app == "blog"


def test_host_goes_through_its_phases() -> None:
    story = Story(["web1"], ["web2"]).begun()
    seen = [phases(story)]
    story.begins(BUILD, "web1", "web2")
    seen.append(phases(story))
    for host in ("web1", "web2"):
        story.ends(BUILD, host, changed=True)
    seen.append(phases(story))
    story.begins(CUT_OVER, "web1")
    seen.append(phases(story))
    story.ends(CUT_OVER, "web1", changed=True)
    seen.append(phases(story))
    story.begins(WATCH, "web1")
    seen.append(phases(story))
    story.judged({"web1": "live"})
    seen.append(phases(story))
    assert seen == [
        ["locked", "locked"],
        ["building", "building"],
        ["built", "built"],
        ["starting", "built"],
        ["cut over", "built"],
        ["soaking", "built"],
        ["live", "built"],
    ]


def test_all_hosts_of_a_wave_soak_while_some_are_watched() -> None:
    story = Story(["web1", "web2"], ["web3"]).built()
    story.switched(1)
    story.begins(WATCH, "web1")
    assert phases(story) == ["soaking", "soaking", "built"]


def test_wave_has_what_its_hosts_have_served_and_how_long_it_soaks() -> None:
    story = Story(["web1", "web2"], ["web3"]).built()
    story.switched(1)
    story.facts(rollout_soak=[story.now + 5, story.now + 25])
    assert story.run.fleet.soaked_at == story.now + 24
    story.begins(WATCH, "web1", "web2")
    for host in ("web1", "web2"):
        traffic = {"requests": 100, "errors": 1, "latency_ms": {"4": 100}}
        story.ends(WATCH, host, traffic=traffic, remaining=20.0)
    served = story.run.fleet.served()
    assert served is not None
    assert served.line() == "2 of 200 requests failed (1 %), p99 4 ms"
    assert story.run.fleet.soaked_at == story.now + 20


def test_traffic_of_a_host_that_waits_is_not_of_the_wave() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.switched(1)
    other = Task("wave_traffic | Collect", TRAFFIC, delegated=True)
    story.does(other, ["web1"], traffic={"requests": 5, "errors": 5, "latency_ms": {}})
    assert story.run.fleet.served() is None


def test_refused_host_has_failed_and_says_why() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.begins(CUT_OVER, "web1")
    story.ends(CUT_OVER, "web1", is_refusal=True, msg=REFUSAL)
    fleet = story.run.fleet
    assert phases(story) == ["refused", "built"]
    assert fleet.failing == ["web1"]
    assert fleet.hosts["web1"].note == "shop@blue.service was not healthy within 20 s"


def test_host_that_does_not_answer_is_unreachable() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.begins(CUT_OVER, "web1")
    story.ends(CUT_OVER, "web1", kind="unreachable", msg="no route to host", ignored=True)
    assert phases(story) == ["unreachable", "built"]


def test_unreachable_balancer_says_nothing_of_the_host() -> None:
    story = Story(["web1"]).built()
    ask = Task("ask_balancers | Ask", "asgi.fleet.balancer_info", delegated=True)
    story.begins(ask, "web1")
    story.ends(ask, "web1", kind="unreachable", ignored=True)
    assert phases(story) == ["built"]


def test_reverted_hosts_and_those_that_could_not_be() -> None:
    story = Story(["web1", "web2"], ["web3"]).built()
    story.switched(1)
    story.judged({"web1": "live", "web2": "unhealthy"}, stopped="2 of 20 requests failed")
    assert story.run.fleet.has_failed
    story.begins(REVERT, "web1", "web2")
    assert phases(story) == ["reverting", "reverting", "built"]
    story.ends(REVERT, "web1", changed=True)
    story.ends(REVERT, "web2", kind="failed", msg="the old slot did not start", ignored=True)
    assert phases(story) == ["reverted", "NOT REVERTED", "built"]


def test_hosts_that_were_only_prepared_have_not_begun_at_the_end() -> None:
    story = Story(["web1"], ["web2"]).built()
    story.begins(CUT_OVER, "web1")
    story.ends(CUT_OVER, "web1", is_refusal=True, msg=REFUSAL)
    story.ended()
    assert phases(story) == ["refused", "not begun"]
    assert not story.run.fleet.is_active
    assert not any(host.locked for host in story.run.fleet.hosts.values())


def test_lock_of_somebody_else_is_not_ours() -> None:
    story = Story(["web1"])
    story.facts(rollout_plan={"waves": {"shop": [["web1"]]}})
    holder = {"rollout": "other", "who": "bob@desk", "since": 1}
    story.does(BEGIN, ["web1"], acquired=False, holder=holder, live=OLD)
    host = story.run.fleet.hosts["web1"]
    assert (host.locked, host.note) == (False, "locked by bob@desk")


def test_host_with_nothing_to_change_is_live() -> None:
    story = Story(["web1"]).built()
    story.does(CUT_OVER, ["web1"], changed=False)
    host = story.run.fleet.hosts["web1"]
    assert (host.phase, host.note) == (Phase.LIVE, "nothing to change")


def test_cut_over_notes_its_longest_step() -> None:
    story = Story(["web1"]).built()
    story.switched(1)
    assert story.run.fleet.hosts["web1"].note == "start until healthy 1.3 s"
    assert story.run.fleet.hosts["web1"].after == NEW


def test_second_batch_of_a_patch_keeps_the_phases_of_the_first() -> None:
    story = Story(["web1"], ["web2"])
    story.run.playbook = "patch"
    story.begun()
    story.does(END, ["web1"], changed=True)
    story.facts(rollout_kind="patch", rollout_plan={"waves": {"shop": [["web1"], ["web2"]]}})
    assert story.run.fleet.hosts["web1"].locked is False
    assert story.run.fleet.is_active


def test_hook_gives_the_phase_before_it_back() -> None:
    story = Story(["web1"], ["web2"]).built()
    hook = Task("hook_once | Run", HOOK, {"phase": "before_rollout"})
    story.begins(hook, "web1")
    assert phases(story) == ["hooks", "built"]
    story.ends(hook, "web1", changed=True)
    assert phases(story) == ["built", "built"]


@pytest.mark.parametrize(
    ("task", "during"),
    [
        (BEGIN, None),
        (BUILD, Phase.BUILDING),
        (Task("look", "asgi.fleet.release", {"look": True}), None),
        (Task("prune", "asgi.fleet.release", {"state": "pruned"}), None),
        (Task("told", HOOK, {"ran_elsewhere": True}), None),
        (CUT_OVER, Phase.STARTING),
        (REVERT, Phase.REVERTING),
        (END, None),
        (Task("upgrade", "asgi.fleet.packages", {"state": "upgraded"}), Phase.UPGRADING),
        (Task("install", "asgi.fleet.packages", {"name": ["nginx"]}), None),
        (Task("drain", "asgi.fleet.balancer_server", {"state": "drained"}), Phase.DRAINING),
        (Task("undrain", "asgi.fleet.balancer_server", {"state": "ready"}), Phase.RETURNING),
        (Task("reboot", "ansible.builtin.reboot"), Phase.REBOOTING),
        (Task("copy", "ansible.builtin.copy"), None),
    ],
)
def test_phase_follows_from_action_and_options(task: Task, during: Phase | None) -> None:
    assert phase_during(task) is during


def test_failure_that_is_ignored_leaves_the_phase() -> None:
    look = Task("look", "asgi.fleet.app_info")
    bad = Outcome("failed", {"msg": "no"}, ignored=True)
    assert phase_after(look, bad, Phase.SOAKING) is None
    assert phase_after(look, Outcome("failed", {"msg": "no"}), Phase.SOAKING) is Phase.FAILED


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        (FACT, True),
        (Task("facts", "ansible.builtin.set_fact", {"deployment": 1}), False),
        (BUILD, True),
        (Task("traffic", TRAFFIC), True),
        (Task("copy", "ansible.builtin.copy"), False),
    ],
)
def test_results_are_read_only_where_they_matter(task: Task, needed: bool) -> None:
    assert needs_result(task) is needed
