"""The exercises: what is done, and what must hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.drill import CONNECTIONS

#: What is live afterwards: what was before, or the new release.
After = Literal["old", "new"]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        name: Of the exercise.
        done: What is done, for an operator to read.
        expected: What must hold, for an operator to read.
        fault: What is done on a host; empty for nothing.
        playbook: What is run under load; empty for nothing.
        variant: What of a release is made; empty for none.
        succeeds: Whether the playbook must succeed.
        because: What the playbook says if it fails for the reason that is meant.
        after: Which release is live afterwards.
        most_failed: How many requests may fail; None for any number on the canary.
        least_hosts: How many hosts it needs.
    """

    name: str
    done: str
    expected: str
    fault: str = ""
    playbook: str = ""
    variant: str = ""
    succeeds: bool = True
    because: str = ""
    after: After = "old"
    most_failed: int | None = 0
    least_hosts: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return it for a playbook."""
        return asdict(self)


_REFUSED = "refused, everyone on the old release, no request lost"

EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "kill_worker",
        "a worker killed with SIGKILL",
        f"replaced; at most the {CONNECTIONS} requests lost that it may have had in hand",
        fault="kill_worker",
        most_failed=CONNECTIONS,
    ),
    Exercise(
        "kill_master",
        "Gunicorn's master killed with SIGKILL",
        "replaced, no request lost",
        fault="kill_master",
    ),
    Exercise("reload_nginx", "nginx reloaded", "no request lost", fault="reload_nginx"),
    Exercise(
        "full_disk",
        "a release while the disk of the releases is full",
        _REFUSED,
        fault="full_disk",
        playbook="release",
        variant="good",
        succeeds=False,
        because="No space left on device",
    ),
    Exercise(
        "bad_start",
        "a release whose start fails",
        _REFUSED,
        playbook="release",
        variant="bad_start",
        succeeds=False,
        because="this release of a drill does not start",
    ),
    Exercise(
        "bad_health",
        "a release that answers 500",
        _REFUSED,
        playbook="release",
        variant="bad_health",
        succeeds=False,
        because="a drill: not healthy",
    ),
    Exercise(
        "bad_canary",
        "a release that crashes once it is live",
        "ended at the canary, everyone on the old release, requests lost on the canary alone",
        playbook="release",
        variant="bad_canary",
        succeeds=False,
        because="] unhealthy: ",
        most_failed=None,
    ),
    Exercise(
        "host_lost",
        "a host lost to the controller in the middle of a release",
        "ended, everyone on the old release, no request lost",
        fault="host_lost",
        playbook="release",
        variant="good",
        succeeds=False,
        because="] unreachable: ",
        least_hosts=2,
    ),
    Exercise(
        "good_release",
        "a good release",
        "everyone on the new release, no request lost",
        playbook="release",
        variant="good",
        after="new",
    ),
    Exercise(
        "rollback",
        "a rollback",
        "everyone on the old release, no request lost",
        playbook="rollback",
    ),
    Exercise("restart", "a restart", "no request lost", playbook="restart"),
)
NAMES = tuple(one.name for one in EXERCISES)
#: Names for several.
GROUPS = {
    "all": NAMES,
    "kills": ("kill_worker", "kill_master"),
    "bad_release": ("bad_start", "bad_health", "bad_canary"),
    # It only puts right what a drill has left that was killed.
    "mend": (),
}
#: Each of these needs the other: what one begins, the other ends.
PAIR = ("good_release", "rollback")


def chosen(names: Collection[str]) -> list[Exercise]:
    """Return the exercises of some names, in the order in which they are done."""
    wanted = {one for name in names for one in GROUPS.get(name, (name,))}
    if wanted & set(PAIR):
        wanted |= set(PAIR)
    return [one for one in EXERCISES if one.name in wanted]


def skipped(least_hosts: int, hosts: Sequence[str]) -> str:
    """Return why an exercise cannot be done on some hosts; empty if it can."""
    if len(hosts) < least_hosts:
        return (
            f"the fleet has {len(hosts)} host; expected {least_hosts} or more, "
            "since another one has to go on"
        )
    return ""
