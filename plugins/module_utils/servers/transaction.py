"""Replaces files of a server's configuration: it serves either all of the new ones, or the old.

Stage, test, replace, reload, judge, restore. `apply` uses the `Server` protocol, so that its order
and its error handling are tested without a server. What differs between the servers is in
`nginx.py` and `haproxy.py`; what their services have in common is in `service.py`.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import Changes, Kept


class ConfigError(Exception):
    """A refusal, worded for the operator."""


@dataclass(frozen=True)
class Trial:
    """A server's verdict on a configuration.

    Attributes:
        refusal: Why the server refuses it; empty when it accepts it.
        warnings: The server's warnings, such as a server name that two sites claim.
    """

    refusal: str = ""
    warnings: list[str] = field(default_factory=list)


class Server(Protocol):
    """What the transaction needs from a server."""

    def test(self, changes: Changes, units: Changes | None = None) -> Trial:
        """Test the whole configuration as it would be after `changes`, under the units' sandbox."""

    def running(self) -> bool:
        """Return whether the service is active."""

    def start(self) -> None:
        """Start the service; raise `ConfigError` in the server's own words if it does not."""

    def reload(self) -> None:
        """Reload and see the new processes serve; raise `ConfigError` when the old ones remain."""

    def recover(self) -> None:
        """Do what is needed after a reload was refused and the previous files were restored."""

    def reread_units(self) -> None:
        """Have systemd read the unit again; raise `ConfigError` if it does not."""


@dataclass(frozen=True)
class Steps:
    """The steps that a change needs.

    Attributes:
        action: What the server needs: `none`, `reloaded` or `started`.
        reread_units: Whether systemd must read the unit again.
    """

    action: str = "none"
    reread_units: bool = False

    def __bool__(self) -> bool:
        return self.action != "none" or self.reread_units


@dataclass(frozen=True)
class Applied:
    """What the transaction did, or in check mode would do.

    Attributes:
        steps: The steps taken.
        tested: Whether the server tested the result.
        warnings: What the server warned of.
    """

    steps: Steps
    tested: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """The changes of one transaction.

    Attributes:
        config: The changes of the configuration.
        units: The changes of the service's drop-ins. Alone, they need no reload of the server.
        stale_units: Whether systemd has not yet read the existing drop-ins.
    """

    config: Changes = field(default_factory=Changes)
    units: Changes = field(default_factory=Changes)
    stale_units: bool = False

    def steps(self, *, running: bool, pending: bool) -> Steps:
        """Return the steps that they need.

        Args:
            running: Whether the service is active.
            pending: Whether an earlier run ended between the files and the reload.
        """
        when_running = "reloaded" if self.config or pending else "none"
        return Steps(
            action=when_running if running else "started",
            reread_units=bool(self.units) or self.stale_units,
        )


def apply(wanted: Wanted, server: Server, pending: Path) -> Applied:
    """Test, replace, reload, judge; restore the files when the server refuses them.

    Args:
        wanted: The changes.
        server: The server of this host.
        pending: A mark for files that the server has not loaded yet. It survives a run that is
            interrupted before the reload, so that the next run reloads although the files are as
            wanted.

    Raises:
        ConfigError: The server refused; the previous files were restored.
    """
    was_pending = pending.exists()
    steps = wanted.steps(running=server.running(), pending=was_pending)
    if not steps:
        return Applied(steps)
    tested = steps.action != "none"
    warnings = require_valid(wanted.config, server) if tested else []
    if wanted.units:
        require_confinable(wanted, server)
    changes = wanted.units | wanted.config
    kept = Kept.of(changes.before)
    if tested:
        pending.touch()
    try:
        changes.carry_out()
        if steps.reread_units:
            server.reread_units()
        if steps.action == "reloaded":
            server.reload()
        elif steps.action == "started":
            server.start()
    except (ConfigError, OSError) as error:
        kept.put_back()
        _settle(steps, server, refused=isinstance(error, ConfigError))
        if not was_pending:
            pending.unlink(missing_ok=True)
        raise ConfigError(f"{error}; the previous files are back") from error
    pending.unlink(missing_ok=True)
    return Applied(steps, tested, warnings)


def _settle(steps: Steps, server: Server, *, refused: bool) -> None:
    """Have systemd and the server load the restored files."""
    # Their errors here are not the one to report.
    if steps.reread_units:
        with contextlib.suppress(ConfigError):
            server.reread_units()
    if refused and steps.action == "reloaded":
        with contextlib.suppress(ConfigError):
            server.recover()


def check(wanted: Wanted, server: Server, pending: Path, *, testable: bool) -> Applied:
    """Return what `apply` would do, tested if possible; changes nothing.

    Raises:
        ConfigError: The server would refuse.
    """
    steps = wanted.steps(running=server.running(), pending=pending.exists())
    if not (wanted.config and testable):
        return Applied(steps)
    return Applied(steps, tested=True, warnings=require_valid(wanted.config, server))


def require_valid(changes: Changes, server: Server) -> list[str]:
    """Have the server test the configuration; return its warnings.

    Raises:
        ConfigError: The test failed; nothing was changed.
    """
    result = server.test(changes)
    if result.refusal:
        raise ConfigError(result.refusal)
    return result.warnings


def require_confinable(wanted: Wanted, server: Server) -> None:
    """Have the server test the configuration under the sandbox that it has from its next start on.

    Raises:
        ConfigError: It would not start; nothing was changed.
    """
    result = server.test(wanted.config, wanted.units)
    if result.refusal:
        raise ConfigError(
            f"under the sandbox of the new drop-in, {result.refusal}; allow it by the variable "
            "..._sandbox_writable_paths or ..._sandbox_options of the role, or set "
            "..._sandbox_enabled: false"
        )


def explain(program: str, subject: str, reasons: list[str], output: str, effect: str = "") -> str:
    """Return the reason of a refusal in the server's own words.

    Args:
        program: The server.
        subject: What it was given.
        reasons: The lines of its output that give a reason.
        output: Its whole output, in case no line gives a reason.
        effect: The effect on clients; by default that it keeps serving as before.
    """
    told = " / ".join(dict.fromkeys(reasons)) or output.strip()[-500:] or "nothing was logged"
    # A log may have what a client has sent, such as a terminal's control sequences.
    told = "".join(one if one.isprintable() or one == "\n" else "?" for one in told)
    effect = effect or f"{program} serves what it served before"
    return f"{program} refuses {subject}: {told}; {effect}{_unresolved(told)}"


def _unresolved(told: str) -> str:
    """Return what helps against a name of a host that this one does not know."""
    found = re.search(
        r"could not resolve address '([^']+)'|host not found in \w+ \"([^\"]+)\"", told
    )
    if not found:
        return ""
    return (
        f"; this host cannot resolve the name {found[1] or found[2]}: if that is only how Ansible "
        "reaches a host, such as an alias of the SSH configuration, set that host's fleet_address"
    )
