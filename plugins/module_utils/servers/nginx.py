"""nginx: how to test its configuration, judge a reload and word a refusal."""

from __future__ import annotations

import re
import time
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


class SystemNginx(SystemServer):
    """The nginx of this host.

    Args:
        place: Where it is.
        error_log: Log in which it says why it refuses a reload.
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
        """Reload, and wait for workers that were not there before.

        The reload itself succeeds even when the master refuses it, for example if a port is in use.
        """
        seen, before = self._log_size(), self._workers()
        told = self.told("reload")
        end = time.monotonic() + self.place.timeout
        while told and time.monotonic() < end:
            if self._workers() - before:
                return
            if any(is_final(line) for line in self._log_since(seen).splitlines()):
                break
            time.sleep(0.05)
        raise ConfigError(explain_refusal("the reload", self._log_since(seen)))

    def recover(self) -> None:
        """Do nothing: a master that refused a reload keeps its previous configuration."""

    def _workers(self) -> set[str]:
        """Return the process ids of the workers that still accept connections."""
        master = systemd.show(self.place.unit)["MainPID"]
        children = Path("/proc", master, "task", master, "children").read_text().split()
        return {pid for pid in children if _title(pid) == "nginx: worker process"}

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
    reasons = [strip_prefix(line) for line in output.splitlines() if is_refusal(line)]
    return explain("nginx", subject, reasons, output, effect)


def is_refusal(line: str) -> bool:
    """Return whether this line says why nginx refuses."""
    return any(level in line for level in ("[emerg]", "[alert]", "[crit]"))


def is_final(line: str) -> bool:
    """Return whether a running nginx has given up: it retries a port in use for 2.5 s."""
    return is_refusal(line) and "failed (98:" not in line


def strip_prefix(line: str) -> str:
    """Remove the time, the level and the process from a line of nginx's log."""
    return re.sub(r"^.*?\[(?:emerg|alert|crit)\]\s*(?:\d+#\d+:\s*)?(?:\*\d+\s*)?", "", line).strip()
