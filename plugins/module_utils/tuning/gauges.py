"""What a measured slot takes of its host: memory, connections, and what else the host does."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.host.processes import read_process

#: The state of an open connection in /proc/net/tcp (include/net/tcp_states.h, TCP_ESTABLISHED).
ESTABLISHED = "01"
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True)
class Ticks:
    """The processors' time since boot, in ticks; see proc_stat(5).

    Attributes:
        total: All of it.
        idle: What nobody wanted.
        steal: What the machine below gave to other guests.
    """

    total: int
    idle: int
    steal: int

    def since(self, before: Ticks) -> tuple[float, float]:
        """Return how busy the processors were, and what was stolen of them, in percent."""
        total = self.total - before.total
        if total <= 0:
            return 0.0, 0.0
        steal = self.steal - before.steal
        return (
            round(100 * (total - steal - (self.idle - before.idle)) / total, 1),
            round(100 * steal / total, 1),
        )


def ticks(proc: str = "/proc") -> Ticks:
    """Return the processors' time."""
    first = read_process(os.path.join(proc, "stat")).partition("\n")[0].split()
    # user nice system idle iowait irq softirq steal; guest time is part of user time.
    spent = [int(word) for word in first[1:9]]
    spent += [0] * (8 - len(spent))
    return Ticks(sum(spent), spent[3] + spent[4], spent[7])


def memory_mb(pid: int, proc: str = "/proc") -> float:
    """Return the memory of a process in MB: what it shares with others counts in part (PSS)."""
    found = _PSS.search(read_process(os.path.join(proc, str(pid), "smaps_rollup")))
    return int(found[1]) / 1024 if found else 0.0


def connections(pids: Iterable[int], proc: str = "/proc") -> dict[str, int]:
    """Return how many open TCP connections processes have, by the address they lead to."""
    found: dict[str, int] = {}
    for pid in pids:
        own = _sockets(os.path.join(proc, str(pid), "fd"))
        for table in ("tcp", "tcp6"):
            for line in read_process(os.path.join(proc, str(pid), "net", table)).splitlines()[1:]:
                fields = line.split()
                if len(fields) > 9 and fields[3] == ESTABLISHED and fields[9] in own:
                    found[_address(fields[2])] = found.get(_address(fields[2]), 0) + 1
    return found


def _sockets(folder: str) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if match := _SOCKET.fullmatch(os.readlink(os.path.join(folder, name))):
                    found.add(match[1])
    return found


def _address(field: str) -> str:
    """Return an address of /proc/net/tcp for people: the bytes of each 32 bits are reversed."""
    packed, _colon, port = field.partition(":")
    words = [bytes.fromhex(packed[at : at + 8])[::-1] for at in range(0, len(packed), 8)]
    raw = b"".join(words)
    # An IPv4 address in the table of IPv6 is mapped (RFC 4291, section 2.5.5.2).
    if len(raw) == 4 or raw.startswith(b"\0" * 10 + b"\xff\xff"):
        host = ".".join(str(byte) for byte in raw[-4:])
    else:
        host = "[" + ":".join(raw[at : at + 2].hex() for at in range(0, 16, 2)) + "]"
    return f"{host}:{int(port, 16)}"
