"""HAProxy: how to test its configuration, judge a reload and word a refusal."""

# ansible-test asks for the module's run_command, which this code does not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import Found
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    Runtime,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.service import (
    Installation,
    SystemServer,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.transaction import (
    ConfigError,
    Trial,
    explain,
)

END_OF_CERTIFICATE = "-----END CERTIFICATE-----"
#: Lines that HAProxy adds after the one that names the reason.
SUMMARIES = ("Error(s) found in configuration file", "Fatal errors found in configuration")
#: Not about the configuration: printed at each start for a drained server.
EXPECTED = ("remains in forced",)


class SystemHaproxy(SystemServer):
    """The HAProxy of this host.

    Args:
        place: Where it is.
        socket: Its runtime socket.
    """

    program = "haproxy"
    test_arguments = '-c -f "$2/haproxy.cfg"'

    def __init__(self, place: Installation, socket: str) -> None:
        super().__init__(place)
        self.runtime = Runtime(socket, timeout=2)

    def judge(self, *, passed: bool, output: str) -> Trial:
        """Read the output of `haproxy -c`."""
        return read_test(passed=passed, output=output)

    def start(self) -> None:
        """Start the service."""
        since = time.time()
        if not self.told("start"):
            raise ConfigError(
                explain_refusal("to start", self._journal(since), "nothing is served")
            )

    def reload(self) -> None:
        """Reload, and wait for another process on the runtime socket."""
        since, before = time.time(), self._process()
        told = self.told("reload")
        end = time.monotonic() + self.place.timeout
        while told and time.monotonic() < end:
            if self._process() not in ("", before):
                return
            time.sleep(0.1)
        raise ConfigError(explain_refusal("the reload", self._journal(since)))

    def recover(self) -> None:
        """Have the master, which waits after a failed reload, read the previous files again.

        The old process keeps serving in any case.
        """
        self.reload()

    def _process(self) -> str:
        """Return the process id of the worker that has the runtime socket."""
        try:
            lines = self.runtime.ask("show info").splitlines()
        except HaproxyError:
            return ""
        return next((line.split()[1] for line in lines if line.startswith("Pid:")), "")

    def _journal(self, since: float) -> str:
        command = ["journalctl", "--unit", self.place.unit, "--output", "cat", "--no-pager"]
        return subprocess.run(
            [*command, f"--since=@{int(since)}"],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
        ).stdout


def read_test(*, passed: bool, output: str) -> Trial:
    """Read the output of `haproxy -c`."""
    warnings = marked(output, "WARNING")
    return Trial(
        "" if passed else explain_refusal("the new configuration", output),
        [line for line in warnings if not any(known in line for known in EXPECTED)],
    )


def with_authorities(
    files: Mapping[str, str], authorities: str = SYSTEM_AUTHORITIES
) -> dict[str, str]:
    """Return the files with the authorities of the system where a text is the path of theirs.

    Args:
        files: Texts by path.
        authorities: The system's bundle. Without it nobody is trusted there.
    """
    bundle = read_text(authorities) if authorities in files.values() else ""
    return {path: bundle if text == authorities else text for path, text in files.items()}


def with_renewed(new: Mapping[str, str], found: Mapping[str, Found | None]) -> dict[str, str]:
    """Return the trust files with a new certificate before what they have.

    All of that stays: where a run has not reached a server, it may serve what is older than the
    last one that was renewed. What no server has any more goes when the file is written anew.

    Args:
        new: Certificates of servers, as PEM by path.
        found: What is at these paths.
    """
    files = {}
    for path, text in new.items():
        held = found.get(path)
        if held is not None and not held.text.strip().startswith(text.strip()):
            known = set(_certificates(text))
            kept = [one for one in _certificates(held.text) if one not in known]
            files[path] = f"{text.strip()}\n{''.join(kept)}"
    return files


def _certificates(text: str) -> list[str]:
    return [f"{one.strip()}\n{END_OF_CERTIFICATE}\n" for one in text.split(END_OF_CERTIFICATE)[:-1]]


def explain_refusal(subject: str, output: str, effect: str = "") -> str:
    """Return the reason of a refusal in HAProxy's own words; see `transaction.explain`.

    Args:
        subject: What HAProxy was given.
        output: Of `haproxy -c`, or lines of the journal.
        effect: The effect on clients.
    """
    alerts = marked(output, "ALERT")
    reasons = [line for line in alerts if not any(part in line for part in SUMMARIES)] or alerts
    return explain("haproxy", subject, reasons, output, effect)


def marked(output: str, level: str) -> list[str]:
    """Return the lines of a level, without the level, the process and the word config."""
    pattern = re.compile(rf"\[{level}\]\s*\(\d+\)\s*:\s*(?:config\s*:\s*)?(.*)")
    return [found.group(1).strip() for found in map(pattern.search, output.splitlines()) if found]
