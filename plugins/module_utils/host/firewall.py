"""What ufw is told, and whether that changes anything.

Pure, but for `session_port` and for what `pending_commands` is given to ask ufw with.

ufw itself says what a rule would do: with `--dry-run` it answers `Skipping adding existing rule`,
or prints the tables as they would be, in which each rule has its own line `### tuple ###`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
}
#: The first version of ufw that knows the protocol vrrp (its ChangeLog).
VRRP_SINCE = (0, 36, 2)
TUPLE = "### tuple ###"
#: How the table of a family begins in the output of `--dry-run`, and in the files of ufw.
FAMILIES = (":ufw-user-input", ":ufw6-user-input")
#: Where ufw keeps its rules, and its settings.
TABLES = (Path("/etc/ufw/user.rules"), Path("/etc/ufw/user6.rules"))
SETTINGS = Path("/etc/default/ufw")
UNCHANGED = ("Skipping ", "Could not delete non-existent rule")


def pending_commands(
    ask: Callable[..., str],
    rules: Iterable[Mapping[str, Any]],
    tables: Iterable[Path] = TABLES,
    settings: Path = SETTINGS,
) -> Iterator[list[str]]:
    """Yield the arguments of each command of ufw that would change something.

    Each is judged when its turn comes: whoever runs one before the next sees what it has changed.

    Args:
        ask: Runs ufw with arguments that change nothing, and returns what it printed.
        rules: The wanted rules, in this order.
        tables: Files of ufw with the rules of both families.
        settings: File of ufw with its policies.
    """
    for rule in rules:
        arguments = rule_arguments(known_rule(rule, ask))
        present = "\n".join(path.read_text() for path in tables if path.exists())
        if would_change(ask("--dry-run", *arguments), present):
            yield arguments
    if default_policy(settings.read_text()) != "DROP":
        yield ["default", "deny", "incoming"]
    if not is_active(ask("status")):
        yield ["--force", "enable"]


def wanted_rules(
    session: int | None,
    ssh_ports: Iterable[int],
    tcp_ports: Iterable[int],
    further: Iterable[Mapping[str, Any]],
    vrrp_peers: Iterable[str] = (),
) -> list[Mapping[str, Any]]:
    """Return all rules in the order in which they are applied: SSH comes first."""
    return [
        *ssh_rules(session, ssh_ports),
        *({"port": port} for port in tcp_ports),
        *({"proto": "vrrp", "from_ip": peer, "comment": "VRRP"} for peer in vrrp_peers),
        *further,
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


def default_policy(settings: str) -> str:
    """Read what happens to a connection from outside from the file /etc/default/ufw."""
    found = re.search(r'^DEFAULT_INPUT_POLICY="?([A-Z]+)"?', settings, re.MULTILINE)
    return found[1] if found else ""


def ssh_rules(session: int | None, further: Iterable[int]) -> list[dict[str, Any]]:
    """Return the rules that keep SSH open; port 22 when nothing else is known."""
    ports = dict.fromkeys([*([session] if session else []), *further])
    return [{"port": port, "comment": "SSH"} for port in ports or [22]]


def session_port(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the port of this host that the SSH session of a process is connected to.

    sshd sets SSH_CONNECTION for its children, "client-address client-port server-address
    server-port"; sudo does not pass it on, but its parent processes still have it.

    Args:
        pid: The process.
        proc: The root of procfs.

    Returns:
        The port; None without a session.
    """
    while pid > 1:
        try:
            variables = (proc / str(pid) / "environ").read_bytes().split(b"\0")
            status = (proc / str(pid) / "status").read_text()
        except OSError:
            return None
        for variable in variables:
            name, _equals, value = variable.partition(b"=")
            if name == b"SSH_CONNECTION" and len(value.split()) == 4:
                return int(value.split()[3])
        parent = re.search(r"^PPid:\s*(\d+)", status, re.MULTILINE)
        pid = int(parent[1]) if parent else 0
    return None
