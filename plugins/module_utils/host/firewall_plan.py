"""What has to be done to a host's firewall, from how the host stands."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.host import closing
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import (
    closing_commands,
    is_active,
    pending_commands,
    read_state,
    rule_arguments,
    wanted_rules,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import (
    hearing_vrrp,
    listeners,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session, session_of

ROOT = Path("/")


class UfwError(Exception):
    """What ufw said when it failed."""


@dataclass(frozen=True)
class Plan:
    """How a host is to be closed.

    Attributes:
        refusal: Why it is not; empty if nothing speaks against it.
        own: The firewall that the host has instead.
        lines: What an operator is told.
        session: The SSH session that this runs in.
        active: Whether ufw is on.
        rules: What ufw is told, in this order.
        routed: Whether what is forwarded has to stay so.
    """

    refusal: str = ""
    own: str = ""
    lines: list[str] = field(default_factory=list)
    session: Session | None = None
    active: bool = False
    rules: list[Mapping[str, Any]] = field(default_factory=list)
    routed: bool = False

    def commands(self) -> Iterator[list[str]]:
        """Yield what changes something, each when its turn comes (see `pending_commands`)."""
        if self.own:
            return
        if shutil.which("ufw"):
            yield from pending_commands(ask_ufw, self.rules, ROOT, routed=self.routed)
            return
        # In check mode: a ufw that is new knows no rule.
        yield from (rule_arguments(rule) for rule in self.rules if not rule.get("delete"))
        yield from closing_commands(read_state(ROOT, active=False), routed=self.routed)


def plan(params: Mapping[str, Any]) -> Plan:
    """Return what there is to do; changes nothing.

    Args:
        params: The options of `ARGUMENTS`.
    """
    session = session_of(os.getpid())
    port = session.port if session else None
    own = closing.own_firewall(ROOT)
    if own:
        strict = params["listening"] == "strict"
        return Plan(
            refusal=closing.refused_own_firewall(own) if strict else "",
            own=own,
            lines=[closing.own_firewall_line(own, params, port)],
        )
    active = bool(shutil.which("ufw")) and is_active(ask_ufw("status"))
    state = read_state(ROOT, active=active)
    found = [] if state.denies else listeners()
    becomes = closing.judge(found, params, state, port)
    routed = not state.active and closing.forwards(ROOT)
    said = closing.lines(becomes, state, routed=routed)
    hearing = "" if state.denies else hearing_vrrp()
    if alone := closing.vrrp_line(hearing, params["vrrp_peers"]):
        said.append(alone)
    return Plan(
        refusal=closing.refused_session(session, state) or closing.refusal(becomes),
        lines=said,
        session=session,
        active=active,
        rules=wanted_rules(port, params, becomes.rules, denies=state.denies),
        routed=routed,
    )


def ask_ufw(*arguments: str) -> str:
    """Run ufw and return what it printed.

    Raises:
        UfwError: With its message.
    """
    command = ["ufw", *arguments]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LANGUAGE": "C", "LC_ALL": "C"},
    )
    if result.returncode:
        said = (result.stderr or result.stdout).strip()
        raise UfwError(f"{shlex.join(command)} failed: {said}")
    return result.stdout
