"""Who listens on a host, from a tree like procfs; the tables are as a kernel prints them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import (
    Listener,
    hearing_vrrp,
    listeners,
    listening_sockets,
    parse_address,
    parse_systemd,
    parse_unit,
)

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
ANY6 = "0" * 32
LOOPBACK6 = "00000000000000000000000001000000"
SYSTEMD = """Id=ssh.socket
Listen=[::]:22 (Stream)

Id=dbus.socket
Listen=/run/dbus/system_bus_socket (Stream)

Id=tftp.socket
Listen=0.0.0.0:69 (Datagram)
Listen=192.0.2.7:6900 (Stream)
"""


class Host:
    """A host's procfs and sysfs."""

    def __init__(self, root: Path) -> None:
        self.proc, self.sys = root / "proc", root / "sys"
        (self.proc / "net").mkdir(parents=True)
        (self.proc / "sys/net/ipv4").mkdir(parents=True)
        (self.proc / "sys/net/ipv4/ip_local_port_range").write_text("32768\t60999\n")
        self.inode = 100

    def socket(self, table: str, address: str, port: int, peer: int = 0, state: str = "") -> int:
        """Have a socket, and return its inode."""
        self.inode += 1
        state = state or ("0A" if table.startswith("tcp") else "07")
        path = self.proc / "net" / table
        text = path.read_text() if path.exists() else f"{HEAD}\n"
        zeros = "0" * len(address)
        path.write_text(
            f"{text} {self.inode}: {address}:{port:04X} {zeros}:{peer:04X} {state} "
            f"00000000:00000000 00:00000000 00000000     0        0 {self.inode} 2 0000 0\n"
        )
        return self.inode

    def process(self, pid: int, name: str, unit: str, *inodes: int, command: str = "") -> Path:
        """Have a process of a unit with these sockets."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "fd/0").symlink_to("/dev/null")
        for number, inode in enumerate(inodes, start=3):
            (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
        (folder / "comm").write_text(f"{name}\n")
        (folder / "cgroup").write_text(f"0::/system.slice/{unit}\n")
        (folder / "cmdline").write_text(command.replace(" ", "\0") + "\0")
        return folder

    def found(self) -> list[Listener]:
        """Return who listens."""
        return listeners(self.proc, self.sys, lambda: SYSTEMD)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_services_are_named_and_loopback_is_not_reachable(host: Host) -> None:
    database = host.socket("tcp", "00000000", 5432)
    local = host.socket("tcp", "0100007F", 6379)
    local6 = host.socket("tcp6", LOOPBACK6, 6379)
    host.socket("tcp", "00000000", 40000, peer=443, state="01")
    host.process(900, "postgres", "system-postgresql.slice/postgresql@15-main.service", database)
    # A worker has the socket as well.
    host.process(901, "postgres-worker", "other.service", database)
    host.process(902, "redis-server", "redis-server.service", local, local6)
    found = host.found()
    assert [(one.address, one.port, one.reachable) for one in found] == [
        ("0.0.0.0", 5432, True),  # noqa: S104 - nothing is bound
        ("127.0.0.1", 6379, False),
        ("::1", 6379, False),
    ]
    assert str(found[0]) == "TCP 5432 (postgresql@15-main.service)"


def test_mapped_loopback_is_not_reachable() -> None:
    assert not Listener("tcp", "::ffff:127.0.0.1", 80).reachable
    assert Listener("tcp", "::ffff:192.0.2.1", 80).reachable


def test_port_of_wireguard_is_a_service_though_no_process_has_it(host: Host) -> None:
    host.socket("udp", "00000000", 51820)
    host.socket("udp6", ANY6, 51820)
    (host.sys / "class/net/wg0").mkdir(parents=True)
    (host.sys / "class/net/wg0/uevent").write_text("DEVTYPE=wireguard\nINTERFACE=wg0\n")
    (host.sys / "class/net/eth0").mkdir()
    (host.sys / "class/net/eth0/uevent").write_text("INTERFACE=eth0\n")
    found = host.found()
    assert [str(one) for one in found] == ["UDP 51820 (wg0, WireGuard)"] * 2
    assert not any(one.asking for one in found)


@pytest.mark.parametrize(
    ("name", "port", "command", "asking"),
    [
        ("dhclient", 68, "dhclient eth0", True),
        ("systemd-network", 546, "systemd-networkd", True),
        ("avahi-daemon", 5353, "avahi-daemon", True),
        ("avahi-daemon", 41234, "avahi-daemon: running", True),
        ("systemd-timesyn", 50000, "systemd-timesyncd", True),
        ("ntpd", 123, "/usr/sbin/ntpd -p /run/ntpd.pid", True),
        # chronyd has this port only if its settings allow clients.
        ("chronyd", 123, "/usr/sbin/chronyd", False),
        ("tailscaled", 41641, "tailscaled --state=x --port=41641", False),
        ("tailscaled", 51641, "tailscaled --state=x --port=41641", True),
        ("openvpn", 1194, "openvpn --config server.conf", False),
        ("openvpn", 40194, "openvpn --config server.conf", False),
        ("openvpn", 50194, "openvpn --config server.conf", True),
        ("dnsmasq", 53, "dnsmasq", False),
    ],
)
def test_clients_of_udp_are_told_from_services(
    host: Host, name: str, port: int, command: str, *, asking: bool
) -> None:
    inode = host.socket("udp", "00000000", port)
    folder = host.process(50, name, f"{name}.service", inode, command=command)
    (host.proc / "etc").mkdir()
    (host.proc / "etc/server.conf").write_text("port 40194\nproto udp\n")
    (folder / "cwd").symlink_to(host.proc / "etc")
    assert [one.asking for one in host.found()] == [asking]


def test_socket_with_a_peer_or_of_a_group_is_no_service(host: Host) -> None:
    host.socket("udp", "00000000", 123, peer=123, state="01")
    group = host.socket("udp", "FB0000E0", 7000)
    host.process(50, "listener", "listener.service", group)
    assert [(one.address, one.asking) for one in host.found()] == [("224.0.0.251", True)]


def test_what_systemd_listens_on_is_named_by_its_socket_unit(host: Host) -> None:
    shell = host.socket("tcp6", ANY6, 22)
    files = host.socket("udp", "00000000", 69)
    unknown = host.socket("tcp", "00000000", 7)
    host.process(1, "systemd", "init.scope", shell, files, unknown)
    found = host.found()
    assert [(one.port, one.unit) for one in found] == [
        (7, ""),
        (22, "ssh.socket"),
        (69, "tftp.socket"),
    ]
    assert found[1].is_ssh
    assert str(found[0]) == "TCP 7 (systemd)"


def test_a_service_that_systemd_started_for_a_socket_is_named_itself(host: Host) -> None:
    shell = host.socket("tcp6", ANY6, 22)
    host.process(1, "systemd", "init.scope", shell)
    host.process(800, "sshd", "ssh.service", shell)
    assert [one.unit for one in host.found()] == ["ssh.service"]


@pytest.mark.parametrize(
    ("listener", "ssh"),
    [
        (Listener("tcp", "::", 2222, "sshd"), True),
        (Listener("tcp", "::", 22, "systemd", "ssh.socket"), True),
        (Listener("tcp", "::", 22, "dropbear", "x.service"), True),
        (Listener("tcp", "::", 22, "x", "sshguard.service"), False),
        (Listener("udp", "::", 22, "sshd"), False),
    ],
)
def test_ssh_is_recognised(listener: Listener, *, ssh: bool) -> None:
    assert listener.is_ssh is ssh


def test_a_program_of_a_session_is_named_without_its_scope() -> None:
    one = Listener("tcp", "::", 8000, "python3", "session-3.scope")
    assert str(one) == "TCP 8000 (python3)"
    assert str(Listener("tcp", "::", 8000)) == "TCP 8000 (a program that is not known)"


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/ssh.service", "ssh.service"),
        ("0::/system.slice/system-x.slice/x@1.service/workers", "x@1.service"),
        (
            "9:name=systemd:/system.slice/nginx.service\n4:memory:/nginx.service\n0::/\n",
            "nginx.service",
        ),
        ("9:name=systemd:/\n0::/system.slice/nginx.service\n", "nginx.service"),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service",
            "mine.service",
        ),
        ("0::/user.slice/user-0.slice/session-3.scope", "session-3.scope"),
        ("0::/init.scope", ""),
        ("4:memory:/x.service", ""),
        ("0::/../../x:y.service", "x:y.service"),
        ("", ""),
    ],
)
def test_unit_is_found_in_both_versions_of_control_groups(cgroup: str, unit: str) -> None:
    assert parse_unit(cgroup) == unit


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F", "127.0.0.1"),
        (ANY6, "::"),
        (LOOPBACK6, "::1"),
        ("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1"),
        ("B80D0120000000000000000001000000", "2001:db8::1"),
    ],
)
def test_parse_address(text: str, address: str) -> None:
    parsed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    own = parse_address(text)
    assert socket.inet_pton(socket.AF_INET6 if ":" in own else socket.AF_INET, own) == parsed


def test_parse_systemd() -> None:
    assert parse_systemd(SYSTEMD) == {
        ("tcp", 22): "ssh.socket",
        ("udp", 69): "tftp.socket",
        ("tcp", 6900): "tftp.socket",
    }


def test_who_shares_an_address_is_found(host: Host) -> None:
    assert hearing_vrrp(host.proc) == ""
    ping = host.socket("raw", "00000000", 1, state="07")
    host.process(40, "ping", "ping.service", ping)
    assert hearing_vrrp(host.proc) == ""
    shared = host.socket("raw", "00000000", 112, state="07")
    host.process(50, "keepalived", "keepalived.service", shared)
    assert hearing_vrrp(host.proc) == "keepalived.service"


def test_without_systemd_nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert listening_sockets() == ""


def test_own_listener_is_found_on_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        own = [one for one in listeners() if one.port == port and one.protocol == "tcp"]
    assert [(one.address, one.reachable) for one in own] == [("127.0.0.1", False)]
    assert own[0].program
