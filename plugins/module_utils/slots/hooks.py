"""Commands of the application, run in its own environment and in the sandbox of its service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import as_service
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.causes import probable_cause
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import ConfinementError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import redacted
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: Lines of a hook's output that a failure shows.
SHOWN_LINES = 40


class HookError(Exception):
    """A command failed or took too long; the message has the end of its output."""


@dataclass(frozen=True)
class Surroundings:
    """What a hook runs in.

    Attributes:
        release: Folder of the release.
        user: The account of the service.
        environment: The application's environment, which overrides what is set here.
        secret_names: Names in it whose values must not be shown.
        sandbox: What the service may do.
        memory_max: MemoryMax= of systemd.resource-control(5); empty for no limit.
        purpose: Part of the name of its unit, of which one can run at a time: those of an
            activation and those of a rollout hold different locks.
        slot: The slot that the release runs in; empty for the one that it is going to.
    """

    release: str
    user: str
    environment: Mapping[str, str] = field(default_factory=dict)
    secret_names: Sequence[str] = ()
    sandbox: Sandbox = field(default_factory=Sandbox)
    memory_max: str = ""
    purpose: str = "hook"
    slot: str = ""


def run_hook(command: str, timeout: float, surroundings: Surroundings) -> dict[str, Any]:
    """Run one command as the service would: its account, release, environment and sandbox.

    Args:
        command: For /bin/sh; the release's own programs come first in its PATH.
        timeout: Seconds after which it is killed, with everything that it started.
        surroundings: What it runs in.

    Returns:
        `seconds` and `output` (the end of both streams, in order).

    Raises:
        HookError: it failed or took too long; with the end of its output.
    """
    confinement = as_service(
        surroundings.release,
        surroundings.purpose,
        surroundings.user,
        surroundings.environment,
        timeout,
        surroundings.sandbox,
        surroundings.memory_max,
        surroundings.slot,
    )
    # A migration that is cut in the middle is worse than one whose controller has gone.
    confinement = replace(confinement, patient=True)
    try:
        outcome = confined.run(["/bin/sh", "-c", command], confinement)
    except ConfinementError as error:
        raise HookError(f"the hook {command!r} did not start: {error}") from error
    told = printable(redacted(outcome.output, surroundings.environment, surroundings.secret_names))
    if outcome.timed_out:
        raise HookError(
            f"the hook {command!r} did not end within {timeout:g} s and was killed; raise its "
            f"timeout or make it shorter. The end of its output:\n{_tail(told)}"
        )
    if outcome.status != 0:
        raise HookError(
            f"the hook {command!r} failed with {outcome.problem}. "
            + probable_cause(f"{command}\n{told}", surroundings.release, surroundings.environment)
            + f"The end of its output:\n{_tail(told)}"
        )
    return {"seconds": round(outcome.seconds, 2), "output": told}


def _tail(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines()[-SHOWN_LINES:])
