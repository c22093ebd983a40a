"""The state of a host besides its live slot. Only reads."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import base64
import os
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.certificates import (
    read_served,
    refusal,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.exchange import (
    MOST_BYTES,
    SECONDS,
    Budget,
    Unanswered,
    get,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.host.processes import read_process
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import HttpsAnswer

#: Minimum number of seconds over which CPU use is measured.
CPU_SAMPLE_SECONDS = 0.25
PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


class CpuSample:
    """How much of a core some processes use between its creation and `percent`.

    From /proc/<pid>/task/<tid>/schedstat (Linux: Documentation/scheduler/sched-stats.rst), whose
    first number is the time on a CPU in nanoseconds: as exact over a quarter of a second as over a
    day, and the same under both versions of cgroups.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self.pids = pids
        self.began = time.monotonic()
        self.first = cpu_nanoseconds(pids)

    def percent(self) -> float | None:
        """Return the percentage of one core; None if the kernel does not report it."""
        if not self.first:
            return None
        time.sleep(max(0.0, CPU_SAMPLE_SECONDS - (time.monotonic() - self.began)))
        elapsed = time.monotonic() - self.began
        return cpu_percent(self.first, cpu_nanoseconds(self.pids), elapsed)


def cpu_nanoseconds(pids: Iterable[int]) -> dict[tuple[int, str], int]:
    """Return the time on a CPU of each thread of the processes, by PID and thread."""
    times = {}
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for thread in threads:
            fields = read_process(f"/proc/{pid}/task/{thread}/schedstat").split()
            if fields:
                times[pid, thread] = int(fields[0])
    return times


def cpu_percent(
    first: Mapping[tuple[int, str], int], last: Mapping[tuple[int, str], int], seconds: float
) -> float:
    """Return the use of one core in percent between two readings, for threads still running."""
    spent = sum(max(0, after - first.get(thread, 0)) for thread, after in last.items())
    return round(100 * spent / (seconds * 1e9), 1)


def process_state(pid: int) -> str:
    """Return the letter of proc_pid_stat(5), such as S, R, or T for stopped; empty if gone."""
    return read_process(f"/proc/{pid}/stat").rpartition(")")[2].strip()[:1]


def existing_units(application: Application) -> dict[str, list[str]]:
    """Return the units of each slot that have a file."""
    return {
        name: [
            unit
            for unit, kind in zip(slot.units, ("socket", "service"), strict=True)
            if os.path.exists(slot.files[kind])
        ]
        for name, slot in ((name, application.slot(name)) for name in SLOTS)
    }


def maintenance_since(application: Application) -> int | None:
    """Return since when (Unix time) maintenance mode is on, or None."""
    try:
        return int(os.stat(application.path("var/lib", application.name, "maintenance")).st_mtime)
    except FileNotFoundError:
        return None


def disks(paths: Sequence[str]) -> dict[str, int]:
    """Return how full the file system of each path is, in percent, as df(1) counts.

    The fuller of blocks and inodes: without free inodes, no file can be created either.
    """
    found = {}
    for path in paths:
        try:
            status = os.statvfs(path)
        except OSError:
            continue
        used = status.f_blocks - status.f_bfree
        blocks = _percent(used, used + status.f_bavail)
        inodes = _percent(status.f_files - status.f_ffree, status.f_files)
        found[path] = max(blocks, inodes)
    return found


def _percent(used: int, size: int) -> int:
    # Rounded up, as df does: to the operator, 99.2 % is full.
    return -(-100 * used // size) if size > 0 else 0


def ask_https(domain: str, target: str, port: int, certificate: str) -> HttpsAnswer:
    """Request a path of the site on this host, as a client would that has resolved its name.

    The chain is not verified, because a self-signed certificate is allowed; names and dates are.

    Args:
        domain: Server name, for SNI and Host; an address has no SNI.
        target: Path to request.
        port: nginx's port.
        certificate: File of the certificate that nginx should serve.

    Returns:
        The answer; an empty `certificate` leaves open whether it is the one on disk.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    answer: HttpsAnswer = {"status": 0, "error": "", "certificate_current": None, "refused": ""}
    served = None
    budget = Budget(SECONDS, MOST_BYTES)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=domain) as tls,
        ):
            served = tls.getpeercert(True)
            answer["certificate_current"] = _same_certificate(served, certificate)
            host = f"[{domain}]" if ":" in domain else domain
            answer["status"] = get(tls, target, host, budget, {})[0]
    except (OSError, Unanswered) as error:
        answer["error"] = str(error) or type(error).__name__
    read = read_served(served) if served else None
    answer["refused"] = refusal(read, domain) if read else ""
    return answer


def _same_certificate(served: bytes | None, path: str) -> bool | None:
    found = PEM.search(read_text(path)) if path else None
    if not served or not found:
        return None
    return base64.b64decode(found.group(1)) == served
