"""What ufw is told, and whether that changes anything.

Pure, but for what reads the files of ufw, and for what `pending_commands` is given to ask ufw with.

ufw itself says what a rule would do: with `--dry-run` it answers `Skipping adding existing rule`,
or prints the tables as they would be, in which each rule has its own line `### tuple ###`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What modules are told of the ports to leave open; documented in the fragment `firewall_rules`.
ARGUMENTS: dict[str, Any] = {
    "ssh_ports": {"type": "list", "elements": "int", "default": []},
    "tcp_ports": {"type": "list", "elements": "int", "default": []},
    "rules": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "port": {"type": "str", "required": True},
            "proto": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
            "from_ip": {"type": "str", "default": "any"},
            "rule": {
                "type": "str",
                "choices": ["allow", "deny", "limit", "reject"],
                "default": "allow",
            },
            "comment": {"type": "str"},
            "delete": {"type": "bool", "default": False},
        },
    },
    "vrrp_peers": {"type": "list", "elements": "str", "default": []},
    "listening": {"type": "str", "choices": ["adopt", "strict"], "default": "adopt"},
}
#: The first version of ufw that knows the protocol vrrp (its ChangeLog).
VRRP_SINCE = (0, 36, 2)
TUPLE = "### tuple ###"
#: How the table of a family begins in the output of `--dry-run`, and in the files of ufw.
FAMILIES = (":ufw-user-input", ":ufw6-user-input")
#: Where ufw keeps its rules, of both families, and its settings; below the root.
TABLES = ("etc/ufw/user.rules", "etc/ufw/user6.rules")
SETTINGS = "etc/default/ufw"
UNCHANGED = ("Skipping ", "Could not delete non-existent rule")
#: Of its package.
NEW_POLICY = "DROP"
#: Policies that let nothing in by themselves.
DENYING = ("DROP", "REJECT")
LETTING_IN = ("allow", "limit")
ANYWHERE = ("any", "0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Known:
    """A rule for what comes in, in ufw's files or wanted.

    Attributes:
        action: What happens; without ufw's suffix for logging.
        protocol: `any` for all.
        ports: `any`, or ports and ranges as ufw writes them: `80,6000:6007`.
        source: An address, a network or one of `ANYWHERE`.
        six: Whether it is for IPv6.
        whole: Whether it is for every address and interface of this host.
    """

    action: str
    protocol: str
    ports: str
    source: str = "any"
    six: bool = False
    whole: bool = True

    @property
    def is_for_all(self) -> bool:
        """Whether it holds wherever something comes from."""
        return self.source in ANYWHERE and self.whole

    def concerns(self, protocol: str, port: int) -> bool:
        """Tell whether it is about a port."""
        return self.protocol in ("any", protocol) and (
            self.ports == "any" or any(port in span for span in spans(self.ports))
        )

    def names(self, protocol: str, port: int) -> bool:
        """Tell whether somebody had this port in mind, or everything from everywhere."""
        return self.concerns(protocol, port) and (self.ports != "any" or self.is_for_all)


@dataclass(frozen=True)
class State:
    """What ufw is set to.

    Attributes:
        active: Whether it is on.
        policy: What happens to what no rule is about; as /etc/default/ufw writes it.
        routed: The same, to what is forwarded.
        ipv6: Whether it handles IPv6; if not, it drops it.
        rules: Its rules for what comes in.
    """

    active: bool = False
    policy: str = ""
    routed: str = ""
    ipv6: bool = True
    rules: tuple[Known, ...] = ()

    @property
    def denies(self) -> bool:
        """Whether what no rule lets in stays out already."""
        return self.active and self.policy in DENYING

    def lets_all_in(self, protocol: str, port: int) -> bool:
        """Tell whether a port is open to everybody, in each family, as far as rules say."""
        return all(
            next(
                (
                    rule.action in LETTING_IN
                    for rule in self.rules
                    if rule.six is six and rule.is_for_all and rule.concerns(protocol, port)
                ),
                False,
            )
            for six in ([False, True] if self.ipv6 else [False])
        )

    def lets_some_in(self, protocol: str, port: int) -> bool:
        """Tell whether a rule lets in somebody."""
        return any(
            rule.action in LETTING_IN and rule.concerns(protocol, port) for rule in self.rules
        )


def read_state(root: Path, *, active: bool) -> State:
    """Read the files of ufw; without them, it is as a new one is."""
    settings = _read(root / SETTINGS)
    return State(
        active=active,
        policy=setting(settings, "DEFAULT_INPUT_POLICY") if settings else NEW_POLICY,
        routed=setting(settings, "DEFAULT_FORWARD_POLICY") if settings else NEW_POLICY,
        ipv6=setting(settings, "IPV6").lower() != "no",
        rules=tuple(
            rule
            for table, six in zip(TABLES, (False, True), strict=True)
            for rule in parse_rules(_read(root / table), six=six)
        ),
    )


def parse_rules(table: str, *, six: bool) -> Iterator[Known]:
    """Yield the rules of one of ufw's files that are about what comes in.

    A line is `### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in`: action, protocol, port,
    destination, port and address of the source, direction; names of applications may come before
    the direction, and a comment after it.
    """
    for line in table.splitlines():
        words = [word for word in line.partition(TUPLE)[2].split() if "comment=" not in word]
        if len(words) < 7 or words[0].startswith("route:") or not words[-1].startswith("in"):
            continue
        action, protocol, ports, destination, source_port, source = words[:6]
        whole = destination in ANYWHERE and source_port == "any" and words[-1] == "in"
        yield Known(action.partition("_")[0], protocol, ports, source, six, whole)


def spans(ports: str) -> Iterator[range]:
    """Yield what a text such as `80,6000:6007` stands for; what is no number is no port."""
    for part in ports.split(","):
        first, _colon, last = part.strip().partition(":")
        if first.isdigit() and (last or first).isdigit():
            yield range(int(first), int(last or first) + 1)


def pending_commands(
    ask: Callable[..., str],
    rules: Iterable[Mapping[str, Any]],
    root: Path = Path("/"),
    *,
    routed: bool = False,
) -> Iterator[list[str]]:
    """Yield the arguments of each command of ufw that would change something.

    Each is judged when its turn comes: whoever runs one before the next sees what it has changed.

    Args:
        ask: Runs ufw with arguments that change nothing, and returns what it printed.
        rules: The wanted rules, in this order.
        root: Below it are the files of ufw.
        routed: Whether what is forwarded has to stay so.
    """
    active = is_active(ask("status"))
    for rule in rules:
        state = read_state(root, active=active)
        if is_met(rule, state):
            continue
        arguments = rule_arguments(known_rule(rule, ask))
        present = "\n".join(_read(root / table) for table in TABLES)
        if would_change(ask("--dry-run", *arguments), present):
            yield arguments
    yield from closing_commands(read_state(root, active=active), routed=routed)


def closing_commands(state: State, *, routed: bool = False) -> Iterator[list[str]]:
    """Yield what comes after the rules: the policies, and the switch."""
    if state.policy not in DENYING:
        yield ["default", "deny", "incoming"]
    if routed and state.routed != "ACCEPT":
        yield ["default", "allow", "routed"]
    if not state.active:
        yield ["--force", "enable"]


def is_met(rule: Mapping[str, Any], state: State) -> bool:
    """Tell whether others' rules do already what is wanted, perhaps with a limit.

    Such as the operator's `ufw limit ssh`, which ours would replace.
    """
    if "met_by" not in rule:
        return False
    protocol, port = rule.get("proto") or "tcp", int(rule["port"])
    if rule["met_by"] == "some" and state.lets_some_in(protocol, port):
        return True
    return state.lets_all_in(protocol, port)


def wanted_rules(
    session: int | None,
    params: Mapping[str, Any],
    adopted: Iterable[Mapping[str, Any]] = (),
    *,
    denies: bool = False,
) -> list[Mapping[str, Any]]:
    """Return all rules in the order in which they are applied: SSH comes first.

    Args:
        session: The port of the session.
        params: The options of `ARGUMENTS`.
        adopted: Rules for what listens.
        denies: Whether the firewall is closed already. Then the session is proof that the
            operator's own rules let him in, and only him perhaps.
    """
    return [
        *ssh_rules(session, params["ssh_ports"], "some" if denies else "all"),
        *({"port": port, "met_by": "all"} for port in params["tcp_ports"]),
        *({"proto": "vrrp", "from_ip": peer, "comment": "VRRP"} for peer in params["vrrp_peers"]),
        *adopted,
        *params["rules"],
    ]


def known_rule(rule: Mapping[str, Any], ask: Callable[..., str]) -> Mapping[str, Any]:
    """Return the rule as this version of ufw understands it.

    One that is too old for VRRP lets in whatever comes from the peer: without its messages, both
    balancers would take the address.
    """
    if rule.get("proto") != "vrrp":
        return rule
    found = re.search(r"\b(\d+)\.(\d+)(?:\.(\d+))?", ask("version"))
    version = tuple(int(number or 0) for number in found.groups()) if found else ()
    return rule if version >= VRRP_SINCE else {**rule, "proto": "any"}


def rule_arguments(rule: Mapping[str, Any]) -> list[str]:
    """Return the arguments of ufw for a rule, in its full syntax (ufw(8)).

    Args:
        rule: `port` (unless the protocol has none), and perhaps `proto`, `from_ip`, `rule`,
            `comment` and `delete`.
    """
    words = ["delete"] if rule.get("delete") else []
    words += [rule.get("rule") or "allow", "from", rule.get("from_ip") or "any", "to", "any"]
    words += ["port", str(rule["port"])] if rule.get("port") else []
    words += ["proto", rule.get("proto") or "tcp"]
    if rule.get("comment"):
        words += ["comment", rule["comment"]]
    return words


def would_change(dry_run: str, tables: str) -> bool:
    """Return whether a rule changes the tables.

    Args:
        dry_run: What `ufw --dry-run` printed for it.
        tables: Content of ufw's files of rules, of both families.
    """
    lines = [line for line in dry_run.splitlines() if line.strip()]
    if all(line.startswith(UNCHANGED) for line in lines):
        return False
    # Only the families that the rule is for are printed.
    return any(
        tuples(dry_run, head) != tuples(tables, head) for head in FAMILIES if head in dry_run
    )


def tuples(text: str, head: str) -> list[str]:
    """Return the lines that name the rules of one family."""
    table = text.partition(head)[2]
    # A table ends at this word.
    return [line.strip() for line in table.partition("\nCOMMIT")[0].splitlines() if TUPLE in line]


def is_active(status: str) -> bool:
    """Read from `ufw status verbose` whether the firewall is on."""
    return re.search(r"^Status: active$", status, re.MULTILINE) is not None


def setting(settings: str, name: str) -> str:
    """Read a value from the file /etc/default/ufw."""
    found = re.search(rf'^{name}="?(\w+)"?', settings, re.MULTILINE)
    return found[1] if found else ""


def ssh_rules(
    session: int | None, further: Iterable[int], session_met_by: str = "all"
) -> list[dict[str, Any]]:
    """Return the rules that keep SSH open; port 22 when nothing else is known."""
    asked = list(further)
    ports = dict.fromkeys([*([session] if session else []), *asked])
    return [
        {
            "port": port,
            "comment": "SSH",
            "met_by": "all" if port in asked else session_met_by,
        }
        for port in ports or [22]
    ]


def _read(path: Path) -> str:
    """Return a file's text; empty if there is none."""
    return path.read_text(errors="replace") if path.exists() else ""
