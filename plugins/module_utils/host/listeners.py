"""Which programs of this host listen, on which protocol, address and port.

Read from procfs: ss(8) is not on every host, and the kernel's tables are the same everywhere
(proc_net_tcp in the kernel's documentation). What they do not say, systemd and sysfs do.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import ipaddress
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_plain

#: The state of a listening TCP socket, and of a UDP socket without a peer.
STATES = {"tcp": "0A", "udp": "07"}
VRRP = 112
#: Ports of clients that ask, and get their answers by connection tracking or by multicast: DHCP
#: (68, 546), mDNS (5353), LLMNR (5355), SSDP (1900), browsing for printers (631).
ASKING_PORTS = (68, 546, 631, 1900, 5353, 5355)
#: Programs that ask the time from the port on which they would serve it, whether they do or not.
ASKING_CLOCKS = ("ntpd", "ntpdate", "sntp")
#: The range of net.ipv4.ip_local_port_range, if it cannot be read.
EPHEMERAL = (32768, 60999)
#: A configuration file is not larger.
LARGEST_FILE = 256 * 1024
SOCKET_LINK = re.compile(r"socket:\[(\d+)\]")
UNIT = re.compile(r"[^/]+\.(?:service|scope|socket)$")
SSH_PROGRAMS = ("sshd", "dropbear")
SSH_UNIT = re.compile(r"(?:sshd?|dropbear)(?:@.*)?\.(?:service|socket)$")


@dataclass(frozen=True, order=True)
class Listener:
    """A port on which this host is spoken to.

    Attributes:
        protocol: `tcp` or `udp`.
        address: The address it is bound to; `0.0.0.0` or `::` for all.
        port: The port.
        program: The process's name; of a WireGuard interface `wg0, WireGuard`; else empty.
        unit: Its unit of systemd; empty if it has none.
        asking: Whether the socket is there for answers: a client's, not a service.
    """

    protocol: str
    address: str
    port: int
    program: str = ""
    unit: str = ""
    asking: bool = False

    @property
    def reachable(self) -> bool:
        """Whether others than this host can send something there."""
        address = ipaddress.ip_address(self.address)
        inner = getattr(address, "ipv4_mapped", None) or address
        return not inner.is_loopback

    @property
    def is_ssh(self) -> bool:
        """Whether an operator logs in there."""
        named = self.program in SSH_PROGRAMS or SSH_UNIT.match(self.unit) is not None
        return self.protocol == "tcp" and named

    @property
    def owner(self) -> str:
        """Who listens, for an operator to read."""
        lasting = "" if self.unit.endswith(".scope") else self.unit
        return lasting or self.program or "a program that is not known"

    def __str__(self) -> str:
        """Return it as a person would say it: `TCP 5432 (postgresql@15-main.service)`."""
        return f"{self.protocol.upper()} {self.port} ({self.owner})"


@dataclass(frozen=True)
class Holder:
    """A process that has a socket open."""

    pid: int
    program: str
    unit: str


def listening_sockets(units: str = "*.socket") -> str:
    """Return what systemd listens on for others: blocks of `Id=` and `Listen=` (systemctl(1))."""
    try:
        return subprocess.run(
            ["systemctl", "show", "--property=Id,Listen", units],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    except OSError:
        return ""


def listeners(
    proc: Path = Path("/proc"),
    sys_root: Path = Path("/sys"),
    systemd: Callable[[], str] = listening_sockets,
) -> list[Listener]:
    """Return the ports on which this host is spoken to, one for each protocol, address and port.

    Only root sees whom the sockets of others belong to.

    Args:
        proc: The root of procfs.
        sys_root: The root of sysfs.
        systemd: Tells what systemd listens on; asked only if it does.
    """
    rows = [
        (protocol, *row)
        for protocol in STATES
        for family in ("", "6")
        for row in parse_table(read_plain(proc / "net" / f"{protocol}{family}"), STATES[protocol])
    ]
    holders = _holders(proc, {row[-1] for row in rows})
    tunnels = _wireguard(sys_root)
    low, high = _ephemeral(proc)
    told: dict[tuple[str, int], str] | None = None
    found: dict[tuple[str, str, int], Listener] = {}
    for protocol, address, port, inode in rows:
        one = Listener(protocol, address, port)
        holder = holders.get(inode)
        kernel = holder is None and protocol == "udp"
        if holder:
            one = replace(one, program=holder.program, unit=holder.unit)
            if holder.pid == 1:
                told = parse_systemd(systemd()) if told is None else told
                one = replace(one, unit=told.get((protocol, port), ""))
        elif kernel and tunnels:
            one = replace(one, program=f"{' or '.join(tunnels)}, WireGuard")
        if protocol == "udp":
            random = low <= port <= high and not (kernel and tunnels)
            on_purpose = holder is not None and (
                holder.pid == 1 or (random and _writes(proc / str(holder.pid), port))
            )
            one = replace(one, asking=is_asking(one, random=random and not on_purpose))
        # SO_REUSEPORT: several sockets, one port.
        found.setdefault((protocol, address, port), one)
    return sorted(found.values(), key=lambda one: (one.protocol, one.port, one.address))


def hearing_vrrp(proc: Path = Path("/proc")) -> str:
    """Return the unit or program that shares an address by VRRP; empty if none does.

    It has a raw socket, which has the number of the protocol where others have the port.
    """
    sockets = parse_table(read_plain(proc / "net/raw"), STATES["udp"])
    inodes = {inode for _address, protocol, inode in sockets if protocol == VRRP}
    holders = _holders(proc, inodes) if inodes else {}
    return next((one.unit or one.program for one in holders.values()), "")


def is_asking(listener: Listener, *, random: bool) -> bool:
    """Tell whether a UDP socket without a peer is a client's.

    Args:
        listener: The socket.
        random: Whether the kernel may have chosen the port.
    """
    clock = listener.port == 123 and listener.program in ASKING_CLOCKS
    group = ipaddress.ip_address(listener.address).is_multicast
    return random or clock or group or listener.port in ASKING_PORTS


def parse_table(table: str, state: str) -> Iterator[tuple[str, int, int]]:
    """Yield address, port and inode of the sockets in a state that have no peer.

    Args:
        table: Content of /proc/net/tcp, tcp6, udp or udp6.
        state: As the kernel writes it.
    """
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != state or int(fields[2].rpartition(":")[2], 16):
            continue
        address, _colon, port = fields[1].partition(":")
        yield parse_address(address), int(port, 16), int(fields[9])


def parse_address(text: str) -> str:
    """Read an address as the kernel prints it: words of 32 bits in the byte order of the host."""
    words = [text[start : start + 8] for start in range(0, len(text), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    return str(ipaddress.ip_address(packed))


def parse_unit(cgroup: str) -> str:
    """Return the unit of a process from its file `cgroup`, of either version; empty without one."""
    paths = [line.split(":", 2) for line in cgroup.splitlines() if line.count(":") > 1]
    # The old version has a hierarchy for systemd, next to which the new one may be there, empty.
    paths.sort(key=lambda fields: fields[1] != "name=systemd")
    for _number, controllers, path in paths:
        if controllers not in ("name=systemd", ""):
            continue
        units = [part for part in path.split("/") if UNIT.match(part) and part != "init.scope"]
        if units:
            return units[-1]
    return ""


def parse_systemd(shown: str) -> dict[tuple[str, int], str]:
    """Return the socket unit by protocol and port, from `listening_sockets`."""
    units: dict[tuple[str, int], str] = {}
    for block in shown.split("\n\n"):
        unit = next(iter(re.findall(r"^Id=(.+)$", block, re.MULTILINE)), "")
        for port, kind in re.findall(r"^Listen=\S*:(\d+) \((\w+)\)$", block, re.MULTILINE):
            protocol = {"Stream": "tcp", "Datagram": "udp"}.get(kind)
            if protocol:
                units[protocol, int(port)] = unit
    return units


def _holders(proc: Path, inodes: set[int]) -> dict[int, Holder]:
    """Return which process has each socket: the oldest, and another one before systemd itself."""
    pids = sorted(int(path.name) for path in proc.iterdir() if path.name.isdigit())
    holders: dict[int, Holder] = {}
    for pid in [*(pid for pid in pids if pid != 1), *(pid for pid in pids if pid == 1)]:
        folder = proc / str(pid)
        mine = _sockets(folder) & inodes - holders.keys()
        if mine:
            unit = parse_unit(read_plain(folder / "cgroup"))
            one = Holder(pid, read_plain(folder / "comm").strip(), unit)
            holders.update(dict.fromkeys(mine, one))
    return holders


def _sockets(folder: Path) -> set[int]:
    """Return the inodes of a process's sockets; none of one that is gone, or of another user."""
    found = set()
    try:
        for descriptor in os.scandir(folder / "fd"):
            link = SOCKET_LINK.fullmatch(os.readlink(descriptor.path))
            if link:
                found.add(int(link[1]))
    except OSError:
        pass
    return found


def _wireguard(sys_root: Path) -> list[str]:
    """Return the interfaces of WireGuard, whose sockets are the kernel's own."""
    return sorted(
        path.parent.name
        for path in (sys_root / "class/net").glob("*/uevent")
        if "DEVTYPE=wireguard" in read_plain(path).splitlines()
    )


def _ephemeral(proc: Path) -> tuple[int, int]:
    """Return the range from which the kernel takes the port of a client."""
    words = read_plain(proc / "sys/net/ipv4/ip_local_port_range").split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else EPHEMERAL


def _writes(process: Path, port: int) -> bool:
    """Tell whether a port stands in a process's arguments, or in a file that they name."""
    word = re.compile(rf"(?<!\d){port}(?!\d)")
    arguments = read_plain(process / "cmdline").split("\0")
    if any(word.search(argument) for argument in arguments):
        return True
    for argument in arguments[1:]:
        # `--config=server.conf` as well; what is relative is so to the process's folder.
        name = argument.rpartition("=")[2]
        path = process / "cwd" / name
        try:
            fits = bool(name) and path.is_file() and path.stat().st_size <= LARGEST_FILE
        except (OSError, ValueError):
            continue
        if fits and word.search(read_plain(path)):
            return True
    return False
