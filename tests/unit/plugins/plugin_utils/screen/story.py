"""A rollout as its events, for the tests of what is made of them."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.failures import Failure
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import (
    FACTS,
    RELEASE,
    ROLLOUT,
    SLOT,
    SOAK,
    Outcome,
    Task,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.run import Run

OLD, NEW = "1.4.1-2c26b46b", "1.5.0-9f86d081"
ID = "20261128T101112-5f3a"
START = 1_795_860_000.0
REFUSAL = "shop@blue.service was not healthy within 20 s\nthe search index is empty"

FACT = Task("begin | Name the rollout and plan its waves", FACTS, {"rollout_plan": "{{ }}"})
BEGIN = Task("begin | Lock the application on the host", ROLLOUT, {"id": "{{ rollout_id }}"})
BUILD = Task("python_release : build | Build the release", RELEASE, {"id": "{{ id }}"})
CUT_OVER = Task("gunicorn_service : activate | Start the release", SLOT)
WATCH = Task("wave_soak | Wait, and look at what the hosts serve", SOAK)
REVERT = Task("Revert the host", ROLLOUT, {"state": "reverted"})
END = Task("Stop the old slot, release the lock", ROLLOUT, {"state": "ended"})
REPORT = Task("Show every host", "asgi.fleet.rollout_close")


class Story:
    """A run of release.yml that goes on, one second for each event."""

    def __init__(self, *waves: list[str]) -> None:
        self.waves = list(waves)
        self.hosts = [host for wave in waves for host in wave]
        self.now = START
        self.run = Run("release", START)

    def facts(self, host: str = "", **facts: object) -> None:
        self.now += 1
        self.run.take_facts(facts, host or self.hosts[0], self.now)

    def task(self, task: Task) -> None:
        self.now += 1
        self.run.begin_task(task, self.now)

    def begins(self, task: Task, *hosts: str) -> None:
        self.task(task)
        for host in hosts:
            self.run.begin_host(host, task, self.now)

    def ends(
        self, task: Task, host: str, kind: str = "ok", ignored: bool = False, **result: object
    ) -> None:
        self.now += 1
        outcome = Outcome(kind, result, ignored=ignored)
        failure = None
        if outcome.is_bad:
            text = str(result.get("msg", ""))
            verdict = kind if kind != "ok" else "refused"
            failure = Failure(host, task.name, verdict, text, ignored=ignored)
        self.run.end_host(host, task, outcome, failure, self.now)

    def does(self, task: Task, hosts: list[str], **result: object) -> None:
        self.begins(task, *hosts)
        for host in hosts:
            self.ends(task, host, **result)  # type: ignore[arg-type]

    def begun(self) -> Story:
        """All hosts are locked."""
        self.run.begin_play("Prepare the rollout")
        self.begins(FACT, self.hosts[0])
        self.facts(rollout_id=ID, rollout_plan={"waves": {"shop": self.waves}}, rollout_progress={})
        holder = {"rollout": ID, "who": "ada@laptop", "since": 1}
        self.does(BEGIN, self.hosts, acquired=True, holder=holder, live=OLD, changed=True)
        return self

    def built(self) -> Story:
        """All hosts have the release."""
        self.begun()
        self.does(BUILD, self.hosts, changed=True)
        for host in self.hosts:
            self.facts(host, rollout_target={"id": NEW, "path": f"/opt/shop/releases/{NEW}"})
        return self

    def switched(self, number: int) -> None:
        """A wave is cut over."""
        self.run.begin_play("Go over the fleet, wave by wave")
        steps = [{"step": "start until healthy", "seconds": 1.32}, {"step": "x", "seconds": 0.01}]
        self.does(CUT_OVER, self.waves[number - 1], changed=True, steps=steps)

    def judged(self, states: Mapping[str, str], stopped: str = "") -> None:
        """A wave has passed, or not."""
        self.facts(
            rollout_progress={
                "hosts": {host: {"state": state, "reason": ""} for host, state in states.items()},
                "stopped": {"shop": stopped} if stopped else {},
                "to_revert": [],
                "lines": [],
            }
        )

    def passed(self, number: int) -> None:
        """A wave is cut over, and has passed."""
        self.switched(number)
        done = [host for wave in self.waves[:number] for host in wave]
        self.judged(dict.fromkeys(done, "live"))

    def ended(self) -> None:
        """The locks are given back."""
        self.does(END, self.hosts, changed=True, live=NEW)
        self.task(REPORT)
