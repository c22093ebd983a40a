"""The load: wrk, with the script that the controller has made of the operator's requests."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import (
    Confinement,
    ConfinementError,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import (
    LOCALHOST,
    Sandbox,
)
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.front import USER
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.load_tool import LoadTool
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import TuneSlot

#: What the script's one line begins with (plugin_utils/tuning/script.py writes it).
MARK = "fleet "
#: Seconds after which wrk counts a request as lost.
TIMEOUT_SECONDS = 10
#: What wrk counts as failed besides answers, and what to call it.
ERRORS = {
    "connect": "connections refused",
    "read": "connections cut",
    "write": "requests not taken",
    "timeout": f"requests without an answer for {TIMEOUT_SECONDS} s",
}


@dataclass(frozen=True)
class Served:
    """What a load was answered.

    Attributes:
        requests: How many were answered.
        seconds: How long it took.
        p50_ms: Half of the requests took at most so long.
        p99_ms: 99 in 100 took at most so long.
        bad: Answers with a status from 400 on.
        errors: What else went wrong, by the names of `ERRORS`.
        statuses: How many answers had which status, if that was asked for.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bad: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)

    @property
    def rps(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def problem(self) -> str:
        """Why this is no measurement; empty if it is one."""
        told = [f"{count:,} {ERRORS[name]}" for name, count in self.errors.items() if count]
        others = [
            f"{count:,} answers with status {status}"
            for status, count in sorted(self.statuses.items())
            if not status.startswith("2")
        ]
        if self.bad and not others:
            others = [f"{self.bad:,} answers with a status from 400 on"]
        told = others + told
        if told:
            return f"{', '.join(told)} of {self.requests:,} requests"
        return "" if self.requests else "no request was answered"


def parsed(output: str) -> Served:
    """Return what wrk's script has counted.

    Args:
        output: What wrk printed; the script's line is the last with its mark.

    Raises:
        ValueError: There is no such line, or it is torn.
    """
    lines = [line for line in output.splitlines() if line.startswith(MARK)]
    if not lines:
        told = " ".join(output.split())[-300:]
        raise ValueError(f"wrk has counted nothing: {told or 'it printed nothing'}")
    try:
        told_: dict[str, Any] = json.loads(lines[-1][len(MARK) :])
        return Served(
            int(told_["requests"]),
            float(told_["seconds"]),
            float(told_["p50_ms"]),
            float(told_["p99_ms"]),
            int(told_["bad"]),
            {name: int(told_[name]) for name in ERRORS},
            {str(status): int(count) for status, count in told_["statuses"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"wrk's count cannot be read ({error}): {lines[-1][:200]}") from None


def run(
    slot: TuneSlot,
    tool: LoadTool,
    port: int,
    connections: int,
    seconds: int,
    *,
    statuses: bool = False,
) -> Served:
    """Put load on the slot.

    Args:
        slot: The slot of the measurement; its folder has the script, `load.lua`.
        tool: wrk.
        port: Where nginx listens on loopback.
        connections: How many at once.
        seconds: How long.
        statuses: Whether to count each status, which takes the tool itself some time.

    Raises:
        Refusal: wrk did not run, or did not count.
        ControllerGone: The controller has gone meanwhile.
    """
    unit = slot.part("load")
    confinement = Confinement(
        unit=unit,
        user=USER,
        folder="/",
        timeout=seconds + 3 * TIMEOUT_SECONDS,
        # LuaJIT makes its code at run time.
        sandbox=Sandbox(network_allow=(LOCALHOST,), jit=True),
        environment={"LD_LIBRARY_PATH": tool.libraries} if tool.libraries else {},
        properties=[
            ("DynamicUser", "yes"),
            # It has the operator's headers, and is root's alone.
            ("LoadCredential", f"load.lua:{os.path.join(slot.folder, 'load.lua')}"),
            ("LimitNOFILE", "65536"),
        ],
    )
    command = [
        *(tool.program, "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s", "--latency"),
        *("--script", f"/run/credentials/{unit}.service/load.lua"),
        *(f"http://127.0.0.1:{port}/", "--", *(["statuses"] if statuses else [])),
    ]
    try:
        outcome = confined.run(command, confinement)
    except ConfinementError as error:
        raise Refusal(f"the load did not start: {error}") from None
    if outcome.status != 0:
        told = " ".join(outcome.output.split())[-300:]
        raise Refusal(f"wrk failed with {outcome.problem}: {told}")
    try:
        return parsed(outcome.output)
    except ValueError as error:
        raise Refusal(str(error)) from None
