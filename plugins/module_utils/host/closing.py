"""What closing a host would cut: who listens there, what is kept open for them, and what is said.

A host is closed once. From then on its rules decide, and what starts to listen later is not let in
by itself: somebody has to name it.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import Known, State
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import (
    ASKING_PORTS,
    Listener,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session

#: Units that load rules of others than ufw. Two of them on one host overwrite each other, or deny
#: what the other allows; and the package of ufw has apt remove that of netfilter-persistent.
OTHER_FIREWALLS = (
    "firewalld.service",
    "nftables.service",
    "netfilter-persistent.service",
    "shorewall.service",
    "shorewall6.service",
    "ferm.service",
    "firehol.service",
    "csf.service",
    "arno-iptables-firewall.service",
)
NFTABLES = "nftables.service"
#: Debian's own file has three chains that let everything through.
NFTABLES_FILE = "etc/nftables.conf"
#: ufw's own word for it is in `/etc/ufw/ufw.conf`.
UFW_FILE = "etc/ufw/ufw.conf"
FORWARDING = ("proc/sys/net/ipv4/ip_forward", "proc/sys/net/ipv6/conf/all/forwarding")
#: A comment shows whose idea a rule was.
ADOPTED = "adopted"

Run = Callable[..., str]


@dataclass(frozen=True)
class Closing:
    """What becomes of those who listen, when the host is closed.

    Attributes:
        kept: They stay open, by a rule of their own.
        told: They are closed, since a rule says so.
        cut: They would be closed, and nobody said so.
        asking: They are taken for clients.
    """

    kept: tuple[Listener, ...] = ()
    told: tuple[Listener, ...] = ()
    cut: tuple[Listener, ...] = ()
    asking: tuple[Listener, ...] = ()

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules that keep open what is kept."""
        return [
            {
                "port": one.port,
                "proto": one.protocol,
                "comment": "SSH" if one.is_ssh else f"{ADOPTED}: {plain(one.owner)}",
                "met_by": "all",
            }
            for one in self.kept
        ]


def run(*command: str) -> str:
    """Run a command that changes nothing; without the program, the answer is empty."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def judge(
    found: Iterable[Listener], params: Mapping[str, Any], state: State, session: int | None
) -> Closing:
    """Return what becomes of those who listen.

    Args:
        found: Who listens.
        params: The options of `ARGUMENTS`.
        state: How ufw stands; if it is closed already, nothing becomes of anybody.
        session: The port of the SSH session, which stays open in any case.
    """
    if state.denies:
        return Closing()
    named = [*named_rules(params, session), *state.rules]
    kept, told, cut, asking = [], [], [], []
    for one in merged(listener for listener in found if listener.reachable):
        rule = next((rule for rule in named if rule.names(one.protocol, one.port)), None)
        if rule is not None:
            if rule.action not in ("allow", "limit"):
                told.append(one)
        elif one.asking:
            asking.append(one)
        elif one.is_ssh or params["listening"] == "adopt":
            kept.append(one)
        else:
            cut.append(one)
    return Closing(tuple(kept), tuple(told), tuple(cut), tuple(asking))


def named_rules(params: Mapping[str, Any], session: int | None) -> Iterator[Known]:
    """Yield what the variables have to say about ports."""
    for rule in params["rules"]:
        action = "deny" if rule.get("delete") else rule.get("rule") or "allow"
        protocol, source = rule.get("proto") or "tcp", rule.get("from_ip") or "any"
        yield Known(action, protocol, str(rule["port"]), source)
    for port in [session or 22, *params["ssh_ports"], *params["tcp_ports"]]:
        yield Known("allow", "tcp", str(port))


def merged(found: Iterable[Listener]) -> list[Listener]:
    """Return one for each protocol and port: a rule knows no more, and 0.0.0.0 has its `::`."""
    ports: dict[tuple[str, int], Listener] = {}
    for one in found:
        before = ports.get((one.protocol, one.port))
        if before is None or (before.asking and not one.asking):
            ports[one.protocol, one.port] = one
    return sorted(ports.values(), key=lambda one: (one.port, one.protocol))


def lines(closing: Closing, state: State, *, routed: bool) -> list[str]:
    """Return what an operator is told before the host is closed."""
    if state.denies:
        return []
    said = [f"the firewall keeps {one} open, which listens already" for one in closing.kept]
    said += [f"the firewall closes {one}, as a rule says" for one in closing.told]
    if routed:
        said.append("the firewall keeps forwarding what this host forwards")
    if not state.ipv6:
        said.append("the firewall drops IPv6, as /etc/default/ufw says IPV6=no")
    doubtful = [one for one in closing.asking if one.port not in ASKING_PORTS]
    if doubtful:
        said.append(
            f"the firewall takes for clients, whose answers come in anyway: {listed(doubtful)}; "
            f"one that is a service needs a rule in host_baseline_firewall_rules: "
            f"{rule_text(doubtful[0])}"
        )
    return said


def vrrp_line(hearing: str, peers: Sequence[str]) -> str:
    """Return what is said of VRRP that nobody named; empty if there is none.

    A rule for whoever sends it would be one for everything with an old ufw (`known_rule`).
    """
    if not hearing or peers:
        return ""
    return (
        f"the firewall closes VRRP ({hearing}), so that each host takes the shared address; name "
        "the addresses of the others in host_baseline_firewall_vrrp_peers"
    )


def refusal(closing: Closing) -> str:
    """Return why a host is not closed, with what to type; empty if nobody is cut."""
    if not closing.cut:
        return ""
    rules = "".join(f"\n  - {rule_text(one)}" for one in closing.cut)
    return (
        f"host_baseline_firewall is strict, and would cut what listens on this host: "
        f"{listed(closing.cut)}; nothing was changed. Name each of them, as it is to stay open "
        f"(or to be closed: add `rule: deny`):\nhost_baseline_firewall_rules:{rules}\n"
        "or keep all of them with `host_baseline_firewall: adopt`"
    )


def refused_session(session: Session | None, state: State) -> str:
    """Return why the operator himself would be cut; empty if he is not."""
    if session is None or not session.is_ipv6 or state.ipv6:
        return ""
    return (
        f"this session comes by IPv6 (from {session.client}), and ufw would drop it: "
        "/etc/default/ufw says IPV6=no; nothing was changed. Set IPV6=yes there, or connect by IPv4"
    )


def own_firewall(root: Path, ask: Run = run) -> str:
    """Return the firewall that the host has, other than ufw; empty if it has none.

    A ufw that is on was somebody's choice, whatever else is there.
    """
    if re.search(r"^ENABLED=yes", _read(root / UFW_FILE), re.MULTILINE):
        return ""
    for unit in units_on(ask("systemctl", "show", PROPERTIES, *OTHER_FIREWALLS)):
        if unit != NFTABLES or _denies_by_nft(_read(root / NFTABLES_FILE)):
            return unit
    if any(denies_by_iptables(ask(program, "-S", "INPUT")) for program in IPTABLES):
        return "rules of iptables"
    table = denying_table(ask("nft", "list", "chains"))
    return f"rules of nftables (table {table})" if table else ""


PROPERTIES = "--property=Id,ActiveState,UnitFileState"
IPTABLES = ("iptables", "ip6tables")


def units_on(shown: str) -> list[str]:
    """Return the units that run, or will at boot."""
    blocks = [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in shown.strip().split("\n\n")
    ]
    return [
        block["Id"]
        for block in blocks
        if block.get("UnitFileState") == "enabled" or block.get("ActiveState") == "active"
    ]


def denies_by_iptables(rules: str) -> bool:
    """Tell whether the chain INPUT lets in no more than it names (`iptables -S INPUT`)."""
    wanted = r"^-P INPUT DROP$|^-A INPUT -j (?:DROP|REJECT)\b"
    return re.search(wanted, rules, re.MULTILINE) is not None


def denying_table(chains: str) -> str:
    """Return the table with a chain for what comes in that drops what it does not name."""
    table = ""
    for line in chains.splitlines():
        if line.startswith("table "):
            table = line[len("table ") :].rstrip(" {")
        elif "hook input" in line and "policy drop" in line:
            return table
    return ""


def _denies_by_nft(file: str) -> bool:
    """Tell whether a file of rules closes anything, or leaves that to other files."""
    code = re.sub(r"#.*", "", file)
    return re.search(r"\b(?:drop|reject|include)\b", code) is not None


def own_firewall_line(own: str, params: Mapping[str, Any], session: int | None) -> str:
    """Return what is said of a firewall that stays."""
    ports = dict.fromkeys([session or 22, *params["ssh_ports"], *params["tcp_ports"]])
    return (
        f"this host has a firewall of its own, which stays as it is, and ufw is not used: {own}; "
        f"let in there what is served: TCP {', '.join(map(str, ports))}"
    )


def refused_own_firewall(own: str) -> str:
    """Return why two firewalls are too many."""
    off = f" (`systemctl disable --now {own}`)" if own.endswith(".service") else ""
    return (
        f"host_baseline_firewall is strict, but this host has a firewall of its own: {own}; "
        f"nothing was changed. Switch that off{off} to have ufw instead, or leave the firewall to "
        "it with `host_baseline_firewall: adopt`"
    )


def forwards(root: Path, ask: Run = run) -> bool:
    """Tell whether this host forwards what comes in for others, and nothing forbids that yet.

    Such as a VPN's gateway. Docker forbids it, but for what it names itself.
    """
    if not any(_read(root / path).strip() not in ("", "0") for path in FORWARDING):
        return False
    rules = ask("iptables", "-S", "FORWARD")
    # Without the program, nobody has set rules by it.
    return not rules or "-P FORWARD ACCEPT" in rules


def rule_text(listener: Listener) -> str:
    """Return a rule for a port, as it is written in YAML."""
    protocol = ", proto: udp" if listener.protocol == "udp" else ""
    return f'{{port: {listener.port}{protocol}, comment: "{plain(listener.owner)}"}}'


def plain(text: str) -> str:
    """Return a name without what ufw, or YAML between quotes, would take for something else."""
    return re.sub(r"[^\w@., :+-]", "-", text)


def listed(found: Sequence[Listener]) -> str:
    """Return them in one line."""
    return ", ".join(map(str, found))


def _read(path: Path) -> str:
    """Return a file's text; empty if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
