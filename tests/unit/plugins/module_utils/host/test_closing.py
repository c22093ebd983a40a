"""What closing a host would cut, and which firewall it has already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.closing import (
    Closing,
    denies_by_iptables,
    denying_table,
    forwards,
    judge,
    lines,
    own_firewall,
    own_firewall_line,
    plain,
    refusal,
    refused_own_firewall,
    refused_session,
    vrrp_line,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import Known, State
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import Listener
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session

OPEN = State(active=False, policy="DROP")
CLOSED = State(active=True, policy="DROP")
ALL, ALL6 = "0.0.0.0", "::"  # noqa: S104 - nothing is bound
DATABASE = Listener("tcp", ALL, 5432, "postgres", "postgresql@15-main.service")
TUNNEL = Listener("udp", ALL, 51820, "wg0, WireGuard")
FOUND = [
    Listener("tcp", ALL, 22, "sshd", "ssh.service"),
    Listener("tcp", ALL6, 22, "sshd", "ssh.service"),
    Listener("tcp", ALL, 2222, "sshd", "ssh-extra.service"),
    Listener("tcp", ALL, 443, "nginx", "nginx.service"),
    DATABASE,
    Listener("tcp", ALL6, 5432, "postgres", "postgresql@15-main.service"),
    Listener("tcp", "127.0.0.1", 6379, "redis-server", "redis-server.service"),
    TUNNEL,
    Listener("udp", ALL6, 51820, "wg0, WireGuard"),
    Listener("udp", ALL, 68, "dhclient", "ifup@eth0.service", asking=True),
    Listener("udp", ALL, 41234, "avahi-daemon", "avahi-daemon.service", asking=True),
]


def params(**given: object) -> dict[str, Any]:
    return {
        "ssh_ports": [],
        "tcp_ports": [80, 443],
        "rules": [],
        "vrrp_peers": [],
        "listening": "adopt",
        **given,
    }


def ports(found: tuple[Listener, ...]) -> list[int]:
    return [one.port for one in found]


def test_what_listens_is_adopted_with_a_comment_and_said() -> None:
    closing = judge(FOUND, params(), OPEN, 22)
    assert (ports(closing.kept), ports(closing.cut)) == ([2222, 5432, 51820], [])
    assert [(rule["port"], rule["proto"], rule["comment"]) for rule in closing.rules] == [
        (2222, "tcp", "SSH"),
        (5432, "tcp", "adopted: postgresql@15-main.service"),
        (51820, "udp", "adopted: wg0, WireGuard"),
    ]
    said = lines(closing, OPEN, routed=False)
    assert said[1:3] == [
        "the firewall keeps TCP 5432 (postgresql@15-main.service) open, which listens already",
        "the firewall keeps UDP 51820 (wg0, WireGuard) open, which listens already",
    ]
    # That of DHCP is nobody's question.
    assert said[3].startswith("the firewall takes for clients")
    assert "UDP 41234 (avahi-daemon.service)" in said[3]
    assert "68" not in said[3]


def test_strict_refuses_by_name_with_what_to_type_and_keeps_ssh() -> None:
    closing = judge(FOUND, params(listening="strict"), OPEN, 22)
    assert (ports(closing.kept), ports(closing.cut)) == ([2222], [5432, 51820])
    assert refusal(closing).splitlines() == [
        "host_baseline_firewall is strict, and would cut what listens on this host: TCP 5432 "
        "(postgresql@15-main.service), UDP 51820 (wg0, WireGuard); nothing was changed. Name each "
        "of them, as it is to stay open (or to be closed: add `rule: deny`):",
        "host_baseline_firewall_rules:",
        '  - {port: 5432, comment: "postgresql@15-main.service"}',
        '  - {port: 51820, proto: udp, comment: "wg0, WireGuard"}',
        "or keep all of them with `host_baseline_firewall: adopt`",
    ]
    assert refusal(Closing()) == ""


@pytest.mark.parametrize("listening", ["adopt", "strict"])
@pytest.mark.parametrize(
    ("rules", "told"),
    [
        # One that opens it to some only is an answer as well.
        ([{"port": "5432", "from_ip": "192.0.2.0/24"}, {"port": "51820", "proto": "udp"}], []),
        ([{"port": "5432", "rule": "deny"}, {"port": "51000:52000", "proto": "udp"}], [5432]),
        (
            [
                {"port": "5432", "delete": True},
                {"port": "51820", "proto": "udp", "rule": "reject"},
            ],
            [5432, 51820],
        ),
    ],
)
def test_a_named_port_is_neither_adopted_nor_refused(
    listening: str, rules: list[dict[str, Any]], told: list[int]
) -> None:
    closing = judge(FOUND, params(listening=listening, rules=rules), OPEN, 22)
    assert (ports(closing.kept), ports(closing.cut)) == ([2222], [])
    assert ports(closing.told) == told
    said = lines(closing, OPEN, routed=False)
    assert sum("as a rule says" in line for line in said) == len(told)


def test_a_rule_of_the_operator_in_ufw_is_an_answer() -> None:
    state = State(active=True, policy="ACCEPT", rules=(Known("deny", "any", "5432"),))
    closing = judge(FOUND, params(), state, 22)
    assert (ports(closing.kept), ports(closing.told)) == ([2222, 51820], [5432])


@pytest.mark.parametrize("listening", ["adopt", "strict"])
def test_a_closed_host_opens_for_nobody_and_refuses_nothing(listening: str) -> None:
    closing = judge(FOUND, params(listening=listening), CLOSED, 22)
    assert closing == Closing()
    assert lines(closing, CLOSED, routed=False) == []


def test_the_port_of_the_session_is_not_asked_about() -> None:
    forwarder = [Listener("tcp", ALL, 2200, "haproxy", "haproxy.service")]
    assert judge(forwarder, params(listening="strict"), OPEN, 2200) == Closing()


def test_forwarding_and_ipv6_are_said() -> None:
    said = lines(Closing(), State(ipv6=False), routed=True)
    assert said == [
        "the firewall keeps forwarding what this host forwards",
        "the firewall drops IPv6, as /etc/default/ufw says IPV6=no",
    ]


def test_a_session_by_ipv6_is_refused_where_ufw_drops_it() -> None:
    six = Session("2001:db8::1", 5000, "2001:db8::2", 22)
    assert "IPV6=no" in refused_session(six, State(ipv6=False))
    assert refused_session(six, State()) == ""
    assert refused_session(six._replace(server="192.0.2.2"), State(ipv6=False)) == ""
    assert refused_session(None, State(ipv6=False)) == ""


def answers(**given: str) -> Callable[..., str]:
    return lambda *command: given.get(command[0], "")


def units(**states: str) -> str:
    return "\n\n".join(
        f"Id={unit}.service\nActiveState={state.split()[0]}\nUnitFileState={state.split()[1]}"
        for unit, state in states.items()
    )


def test_firewall_of_the_host_is_found(tmp_path: Path) -> None:
    assert own_firewall(tmp_path, answers()) == ""
    shown = units(ferm="inactive disabled", firewalld="active enabled")
    assert own_firewall(tmp_path, answers(systemctl=shown)) == "firewalld.service"
    shown = units(netfilter_persistent="inactive enabled")
    assert own_firewall(tmp_path, answers(systemctl=shown)) == "netfilter_persistent.service"
    rules = "-P INPUT ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n"
    assert own_firewall(tmp_path, answers(iptables=rules)) == "rules of iptables"
    chains = "table inet mine {\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;"
    found = own_firewall(tmp_path, answers(nft=chains))
    assert found == "rules of nftables (table inet mine)"


def test_a_ufw_that_is_on_stays_whatever_else_is_there(tmp_path: Path) -> None:
    (tmp_path / "etc/ufw").mkdir(parents=True)
    (tmp_path / "etc/ufw/ufw.conf").write_text("# x\nENABLED=yes\nLOGLEVEL=low\n")
    shown = units(firewalld="active enabled")
    assert own_firewall(tmp_path, answers(systemctl=shown)) == ""


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("chain input { type filter hook input priority 0; }  # drop\n", ""),
        ("chain input { policy drop; }\n", "nftables.service"),
        ('include "/etc/nftables.d/*.nft"\n', "nftables.service"),
    ],
)
def test_nftables_counts_if_it_denies(tmp_path: Path, rules: str, found: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nftables.conf").write_text(rules)
    shown = units(nftables="active enabled")
    assert own_firewall(tmp_path, answers(systemctl=shown)) == found


@pytest.mark.parametrize(
    ("rules", "denies"),
    [
        ("-P INPUT ACCEPT\n-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n", False),
        ("-P INPUT ACCEPT\n-A INPUT -s 192.0.2.1/32 -j DROP\n", False),
        ("-P INPUT ACCEPT\n-A INPUT -j ts-input\n", False),
        ("-P INPUT DROP\n", True),
        ("-P INPUT ACCEPT\n-A INPUT -j DROP\n", True),
    ],
)
def test_rules_of_other_programs_are_no_firewall(rules: str, *, denies: bool) -> None:
    assert denies_by_iptables(rules) is denies


def test_chains_that_deny_by_rules_only_are_no_firewall() -> None:
    assert denying_table("table inet f2b-table {\n\tchain x {\n\t\ttype filter hook input;") == ""


def test_what_is_said_of_another_firewall() -> None:
    line = own_firewall_line("firewalld.service", params(ssh_ports=[2222]), 2200)
    assert "firewalld.service" in line
    assert line.endswith("TCP 2200, 2222, 80, 443")
    assert "`systemctl disable --now firewalld.service`" in refused_own_firewall(
        "firewalld.service"
    )
    assert "systemctl" not in refused_own_firewall("rules of iptables")


@pytest.mark.parametrize(
    ("switch", "chain", "does"),
    [
        ("0", "-P FORWARD ACCEPT", False),
        ("1", "-P FORWARD ACCEPT", True),
        # Docker
        ("1", "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER", False),
        ("1", "", True),
    ],
)
def test_forwarding_is_found(tmp_path: Path, switch: str, chain: str, *, does: bool) -> None:
    path = tmp_path / "proc/sys/net/ipv4/ip_forward"
    path.parent.mkdir(parents=True)
    path.write_text(f"{switch}\n")
    assert forwards(tmp_path, answers(iptables=chain)) is does


def test_vrrp_without_peers_is_said() -> None:
    assert "VRRP (keepalived.service)" in vrrp_line("keepalived.service", [])
    assert vrrp_line("keepalived.service", ["192.0.2.2"]) == vrrp_line("", []) == ""


def test_plain_names() -> None:
    assert plain("it's\\x2d{a}@1.service") == "it-s-x2d-a-@1.service"
