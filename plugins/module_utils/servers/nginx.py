"""nginx: how to test its configuration, judge a reload and word a refusal."""

from __future__ import annotations

import re
import time
from collections.abc import Set
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.servers.service import (
    Installation,
    SystemServer,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.transaction import (
    ConfigError,
    Trial,
    explain,
)

#: A worker process: its number, and when it was started.
Worker = tuple[str, str]
#: What begins a line that says why nginx refuses: of `nginx -t`, or of the log. A line about a
#: request has the number of its connection after that, `*7`.
REFUSAL = re.compile(
    r"^(?:nginx: \[(?:emerg|alert|crit)\] "
    r"|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(?:emerg|alert|crit)\] (\d+)#\1: (?!\*))"
)


class SystemNginx(SystemServer):
    """The nginx of this host.

    Args:
        place: Where it is.
        error_log: Log in which it says why it refuses a reload; read for the message alone.
    """

    program = "nginx"
    test_arguments = "-t"

    def __init__(self, place: Installation, error_log: str) -> None:
        super().__init__(place)
        self.error_log = Path(error_log)

    def judge(self, *, passed: bool, output: str) -> Trial:
        """Read the output of `nginx -t`."""
        return read_test(passed=passed, output=output)

    def start(self) -> None:
        """Start the service."""
        seen = self._log_size()
        if not self.told("start"):
            raise ConfigError(
                explain_refusal("to start", self._log_since(seen), "nothing is served")
            )

    def reload(self) -> None:
        """Reload, and wait for the next generation of workers.

        The reload itself succeeds even when the master refuses it, for example if a port is in use.
        Only the workers tell which it was: clients write into the log, whole lines if some site
        serves files (`/%0a` in a path is a new line there). So a refusal takes the whole timeout.
        """
        seen, before = self._log_size(), self._workers()
        told = self.told("reload")
        end = time.monotonic() + self.place.timeout
        while told and time.monotonic() < end:
            if is_next_generation(before, self._workers()):
                return
            time.sleep(0.05)
        raise ConfigError(explain_refusal("the reload", self._log_since(seen)))

    def recover(self) -> None:
        """Do nothing: a master that refused a reload keeps its previous configuration."""

    def _workers(self) -> set[Worker]:
        """Return the workers that still accept connections."""
        master = systemd.show(self.place.unit)["MainPID"]
        try:
            children = Path("/proc", master, "task", master, "children").read_text().split()
        except OSError:  # the master has just ended
            return set()
        return {(pid, _started(pid)) for pid in children if _title(pid) == "nginx: worker process"}

    def _log_size(self) -> int:
        return self.error_log.stat().st_size if self.error_log.exists() else 0

    def _log_since(self, position: int) -> str:
        if not self.error_log.exists():
            return ""
        with self.error_log.open("rb") as stream:
            stream.seek(position)
            return stream.read().decode(errors="replace")


def _title(pid: str) -> str:
    try:
        return Path("/proc", pid, "cmdline").read_text().rstrip("\0 ")
    except OSError:  # it has ended meanwhile
        return ""


def _started(pid: str) -> str:
    """Return when a process was started: the kernel uses a number again."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_next_generation(before: Set[Worker], now: Set[Worker]) -> bool:
    """Return whether the workers are those of a new configuration.

    A single new worker may only replace one that has crashed, which clients may be able to cause.
    A reload replaces all of them, and while it does so, both generations are there.
    """
    return bool(now - before) and (now.isdisjoint(before) or len(now) > len(before))


def read_test(*, passed: bool, output: str) -> Trial:
    """Read the output of `nginx -t`."""
    return Trial(
        "" if passed else explain_refusal("the new configuration", output),
        [line for line in output.splitlines() if "[warn]" in line],
    )


def explain_refusal(subject: str, output: str, effect: str = "") -> str:
    """Return the reason of a refusal in nginx's own words; see `transaction.explain`.

    Args:
        subject: What nginx was given.
        output: Of `nginx -t`, or lines of the error log.
        effect: The effect on clients.
    """
    reasons = [REFUSAL.sub("", line).strip() for line in output.splitlines() if REFUSAL.match(line)]
    return explain("nginx", subject, reasons, output, effect)
