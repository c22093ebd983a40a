"""How a command ended, as a shell would tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.host import confined

#: What `stop` gives as the reason, and what the keeper does.
INTERRUPTED, GONE = "interrupted", "gone"


@dataclass(frozen=True)
class End:
    """How a command ended.

    Attributes:
        status: Its exit status as a shell would tell it: 124 for the time limit, 128 and the
            signal's number for a signal, 130 for an interruption.
        problem: How it ended, for people; empty if it succeeded.
        seconds: How long it took.
    """

    status: int
    problem: str
    seconds: float


def end_of(noted: dict[str, Any], seconds: float, limit: float, refusal: str = "") -> End:
    """Return how a command ended.

    Args:
        noted: What the keeper has noted, in systemd's words.
        seconds: How long it took.
        limit: Seconds that it was given.
        refusal: What systemd-run(1) said.
    """
    seconds = round(max(0.0, seconds), 1)
    number = int(noted.get("status") or 0)
    result = noted.get("result", "")
    if noted.get("reason") == INTERRUPTED:
        return End(130, "it was interrupted", seconds)
    if noted.get("reason") == GONE:
        return End(130, "its controller was gone, so the host stopped it", seconds)
    if noted.get("load") != "loaded" or noted.get("code") == "0":
        told = refusal or "no reason given"
        return End(125, f"systemd did not start it: {told}", seconds)
    if result == "timeout" and noted["code"] == "1" and seconds < limit:
        # It ended by itself, and what it had left did not heed SIGTERM.
        result = "exit-code" if number else "success"
    if result == "success":
        return End(0, "", seconds)
    state = {"Result": result, "ExecMainCode": noted["code"], "ExecMainStatus": f"{number}"}
    told = confined.problem(state, limit)
    if result == "timeout":
        return End(124, f"{told}; give it longer: -e run_seconds=...", seconds)
    return End(number if noted["code"] == "1" else 128 + number, told, seconds)
