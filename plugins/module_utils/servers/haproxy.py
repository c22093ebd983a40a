"""Replaces files of a haproxy configuration: haproxy serves either all of the new ones, or the old.

The changes themselves are those of `nginx_config`. The transaction is written against the `Haproxy`
protocol, so that its order and its ways back are tested without a haproxy.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import (
    Changes,
    Kept,
    Verdict,
    write_changes,
)

STILL_SERVES = "haproxy serves what it served before"
END_OF_CERTIFICATE = "-----END CERTIFICATE-----"
#: What haproxy adds after the line that names the reason.
SUMMARIES = ("Error(s) found in configuration file", "Fatal errors found in configuration")
#: Not about the configuration: a server that is drained says so at each start.
EXPECTED = ("remains in forced",)


class HaproxyConfigError(Exception):
    """A refusal, worded for the person who reads it."""


class Haproxy(Protocol):
    """What the transaction asks of a haproxy."""

    def test(self, changes: Changes) -> Verdict:
        """Run `haproxy -c` over the whole configuration as it would be after `changes`."""

    def running(self) -> bool:
        """Say whether the service is active."""

    def start(self) -> None:
        """Start the service; raise `HaproxyConfigError` with haproxy's words if it does not."""

    def reload(self) -> None:
        """Reload and see a new process serve; raise `HaproxyConfigError` when the old one stays."""


@dataclass(frozen=True)
class Outcome:
    """What the transaction did: `none`, `reloaded` or `started`, and what haproxy warned of."""

    action: str
    warnings: list[str] = field(default_factory=list)


def apply_changes(changes: Changes, haproxy: Haproxy, pending: Path, *, wanted: bool) -> Outcome:
    """Test, replace, reload, verify; put the files back when haproxy does not take them.

    Args:
        changes: from `nginx_config.plan_changes`.
        haproxy: the haproxy of this host.
        pending: marks files that no haproxy has taken yet, also for the run after one that was
            torn apart between the two.
        wanted: reload although nothing changed.

    Raises:
        HaproxyConfigError: haproxy refused; the files are as they were before.
    """
    action = choose_action(running=haproxy.running(), wanted=bool(changes) or wanted)
    if action == "none":
        return Outcome(action)
    warnings = require_valid(changes, haproxy)
    kept = Kept.of(changes.before)
    pending.touch()
    try:
        write_changes(changes)
        if action == "reloaded":
            haproxy.reload()
        else:
            haproxy.start()
    except (HaproxyConfigError, OSError) as error:
        kept.put_back()
        if action == "reloaded" and isinstance(error, HaproxyConfigError):
            _reload_quietly(haproxy)
        pending.unlink(missing_ok=True)
        raise HaproxyConfigError(f"{error}; the previous files are back") from error
    pending.unlink(missing_ok=True)
    return Outcome(action, warnings)


def _reload_quietly(haproxy: Haproxy) -> None:
    """Have the master, which waits after a failed reload, read the previous files again."""
    # The old process serves on in any case, and the error that counts is the first one.
    with contextlib.suppress(HaproxyConfigError):
        haproxy.reload()


def choose_action(*, running: bool, wanted: bool) -> str:
    """Say what haproxy needs: `started` if it is down, else `reloaded` if wanted, or `none`."""
    if not running:
        return "started"
    return "reloaded" if wanted else "none"


def require_valid(changes: Changes, haproxy: Haproxy) -> list[str]:
    """Have haproxy test the configuration; return its warnings.

    Raises:
        HaproxyConfigError: the test failed; nothing was touched.
    """
    result = haproxy.test(changes)
    if not result.ok:
        raise HaproxyConfigError(explain_refusal("the new configuration", result.output))
    return [
        line
        for line in marked(result.output, "WARNING")
        if not any(known in line for known in EXPECTED)
    ]


def with_renewed(new: Mapping[str, str], current: Mapping[str, str | None]) -> dict[str, str]:
    """Return the files that have to know another certificate, with the one they began with.

    Args:
        new: certificates of servers, as PEM by path.
        current: what each of these files holds; None where there is none.
    """
    files = {}
    for path, text in new.items():
        held = current.get(path)
        if held is not None and not held.strip().startswith(text.strip()):
            former = held.partition(END_OF_CERTIFICATE)
            files[path] = f"{text.strip()}\n{former[0].lstrip()}{former[1]}\n"
    return files


def explain_refusal(subject: str, output: str, effect: str = STILL_SERVES) -> str:
    """Say in haproxy's own words why it refuses.

    Args:
        subject: what haproxy was given.
        output: of `haproxy -c`, or lines of the journal.
        effect: what that means for those who are served.
    """
    alerts = marked(output, "ALERT")
    reasons = [line for line in alerts if not any(part in line for part in SUMMARIES)] or alerts
    told = " / ".join(dict.fromkeys(reasons)) or output.strip()[-500:] or "nothing was logged"
    return f"haproxy refuses {subject}: {told}; {effect}"


def marked(output: str, level: str) -> list[str]:
    """Return the lines of a level, without the level, the process and the word config."""
    pattern = re.compile(rf"\[{level}\]\s*\(\d+\)\s*:\s*(?:config\s*:\s*)?(.*)")
    return [found.group(1).strip() for found in map(pattern.search, output.splitlines()) if found]
