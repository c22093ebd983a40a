"""What is said in words: lines for where no picture is, interruptions, and what to type next."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen import plain
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import Outcome, Task

from tests.unit.plugins.plugin_utils.screen.story import (
    BUILD,
    CUT_OVER,
    ID,
    NEW,
    OLD,
    REFUSAL,
    REVERT,
    Story,
)

PLAYBOOKS = "ansible-playbook -i inventory/production playbooks"


def test_phases_are_told_once_for_all_hosts() -> None:
    story = Story(["web1"], ["web2", "web3"]).begun()
    story.run.flush()
    story.begins(BUILD, "web3", "web2", "web1")
    assert plain.begun_line(story.run, BUILD, story.now) == "[0:07] building: begins"
    for host in ("web3", "web2", "web1"):
        story.ends(BUILD, host, changed=True)
    told = plain.told_lines(story.run, story.run.flush(), story.now)
    assert list(told) == ["[0:10] built: web1, web2, web3"]
    assert list(plain.told_lines(story.run, story.run.flush(), story.now)) == []


def test_only_the_first_host_of_a_task_begins_a_phase() -> None:
    story = Story(["web1", "web2"]).begun()
    story.task(BUILD)
    assert story.run.begin_host("web1", BUILD, story.now)
    assert not story.run.begin_host("web2", BUILD, story.now)


def test_task_that_changed_something_is_told_with_its_hosts() -> None:
    story = Story(["web1"])
    task = Task("host_baseline : packages | Install", "asgi.fleet.packages")
    hosts = [f"web{number:02}" for number in range(25)]
    story.task(task)
    for host in hosts:
        story.run.end_host(host, task, Outcome("ok"), None, story.now)
        story.run.add_change(host)
    [line] = plain.told_lines(story.run, story.run.flush(), story.now)
    assert line.startswith("[0:01] changed: host_baseline : packages | Install (web00, web01, ")
    assert line.endswith("web19 and 5 more)")


def test_interruption_tells_the_state_of_every_host() -> None:
    story = Story(["web1"], ["web2"], ["web3", "web4"]).built()
    story.passed(1)
    story.begins(CUT_OVER, "web2")
    assert plain.interrupted_lines(story.run.fleet, PLAYBOOKS) == [
        "Interrupted in the middle of a rollout. The fleet, as far as it is known:",
        f"  live on {NEW}: web1",
        "  in the middle (starting), on one of both: web2",
        f"  not begun, on {OLD}: web3, web4",
        f"The rollout {ID} still holds the lock on web1, web2, web3, web4. Type next:",
        f"  {PLAYBOOKS}/status.yml",
        "  the same command again, with -e fleet_take_over_lock=true",
    ]


def test_interruption_outside_of_a_rollout_says_nothing_of_a_fleet() -> None:
    story = Story(["web1"])
    assert plain.interrupted_lines(story.run.fleet, PLAYBOOKS) == []
    story.built()
    story.ended()
    assert plain.interrupted_lines(story.run.fleet, PLAYBOOKS) == []


def test_interruption_without_a_lock_names_none() -> None:
    story = Story(["web1"])
    story.facts(rollout_plan={"waves": {"shop": [["web1"]]}})
    lines = plain.interrupted_lines(story.run.fleet, PLAYBOOKS)
    assert lines[1:] == [
        "  not begun, on no release: web1",
        "No lock is held. Type next:",
        f"  {PLAYBOOKS}/status.yml",
        "  the same command again",
    ]


def refused(story: Story) -> None:
    story.begins(CUT_OVER, "web1")
    story.ends(CUT_OVER, "web1", is_refusal=True, msg=REFUSAL)


def lost(story: Story) -> None:
    story.begins(CUT_OVER, "web1")
    story.ends(CUT_OVER, "web1", kind="unreachable", ignored=True)


def not_reverted(story: Story) -> None:
    story.switched(1)
    story.begins(REVERT, "web1")
    story.ends(REVERT, "web1", kind="failed", ignored=True)


@pytest.mark.parametrize(
    ("happens", "steps"),
    [
        (refused, ["next: fix the cause, and type the same command again"]),
        (lost, ["next: the same command again; without what was lost: --limit 'all,!web1'"]),
        (
            not_reverted,
            [
                "next, as docs/operations.md has it (A host was not reverted):",
                f"  {PLAYBOOKS}/drain.yml --limit web1",
            ],
        ),
    ],
)
def test_next_command_follows_from_what_happened(
    happens: Callable[[Story], None], steps: list[str]
) -> None:
    story = Story(["web1"], ["web2"]).built()
    happens(story)
    assert plain.next_steps(story.run, PLAYBOOKS)[: len(steps)] == steps


def test_nothing_is_to_be_done_after_a_success() -> None:
    story = Story(["web1"]).built()
    story.passed(1)
    story.ended()
    assert plain.next_steps(story.run, PLAYBOOKS) == []
    assert plain.verdict(story.run, story.now) == "release succeeded in 0:13"


def test_verdict_names_who_failed() -> None:
    story = Story(["web1"], ["web2"]).built()
    refused(story)
    assert plain.verdict(story.run, story.now) == "release failed on web1 after 0:12"
    story.run.fleet.asked = True
    assert plain.verdict(story.run, story.now) == "release was interrupted after 0:12"


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ([], "nothing changed"),
        ([("web1", 0), ("web2", 0)], "nothing changed"),
        ([("web1", 3), ("web2", 0)], "3 changed on web1"),
    ],
)
def test_changes_are_counted(changed: list[tuple[str, int]], line: str) -> None:
    assert plain.changed_line(changed) == line
