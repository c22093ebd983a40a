"""What ufw is told, and whether it would change anything; the texts are ufw 0.36.2's."""

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import (
    default_policy,
    is_active,
    known_rule,
    rule_arguments,
    session_port,
    ssh_rules,
    wanted_rules,
    would_change,
)

SSH4 = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=535348"
WEB4 = "### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in"
SSH6 = "### tuple ### allow tcp 22 ::/0 any ::/0 in comment=535348"
WEB6 = "### tuple ### allow tcp 80 ::/0 any ::/0 in"


def table(head: str, *rules: str) -> str:
    return "\n".join(["*filter", f":{head} - [0:0]", "### RULES ###", "", *rules, "COMMIT", ""])


def tables(four: list[str], six: list[str]) -> str:
    return table("ufw-user-input", *four) + table("ufw6-user-input", *six)


NOW = tables([SSH4, WEB4], [SSH6, WEB6])


@pytest.mark.parametrize(
    ("dry_run", "changes"),
    [
        ("Skipping adding existing rule\nSkipping adding existing rule (v6)\n", False),
        ("Could not delete non-existent rule\nCould not delete non-existent rule (v6)\n", False),
        (tables([SSH4], [SSH6]) + "Rules updated\nRules updated (v6)\n", True),
        # ufw says so too when it has found nothing to delete.
        (NOW + "Rules updated\nRules updated (v6)\n", False),
        (table("ufw-user-input", SSH4, WEB4, "### tuple ### deny tcp 1 x") + "Rule added\n", True),
        # A rule for an address is of one family; the other is not printed.
        (table("ufw-user-input", SSH4, WEB4) + "Rules updated\n", False),
        (tables([], []) + "Rules updated\n", True),
        ("Skipping adding existing rule\n" + table("ufw6-user-input", SSH6), True),
    ],
)
def test_would_change(dry_run: str, *, changes: bool) -> None:
    assert would_change(dry_run, NOW) is changes


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"port": 80}, "allow from any to any port 80 proto tcp"),
        (
            {"port": "9100", "from_ip": "192.0.2.10", "comment": "Prometheus"},
            "allow from 192.0.2.10 to any port 9100 proto tcp comment Prometheus",
        ),
        (
            {"port": "6000:6007", "proto": "udp", "rule": "reject", "delete": True},
            "delete reject from any to any port 6000:6007 proto udp",
        ),
        (
            {"proto": "vrrp", "from_ip": "192.0.2.2", "comment": "VRRP"},
            "allow from 192.0.2.2 to any proto vrrp comment VRRP",
        ),
    ],
)
def test_rule_arguments(rule: dict[str, Any], words: str) -> None:
    assert rule_arguments(rule) == words.split()


@pytest.mark.parametrize(
    ("version", "proto"),
    [
        ("ufw 0.36.2\nCopyright 2008-2023 Canonical Ltd.\n", "vrrp"),
        ("ufw 0.37\n", "vrrp"),
        ("ufw 0.36.1\nCopyright 2008-2021 Canonical Ltd.\n", "any"),
        ("ufw 0.36\n", "any"),
        ("", "any"),
    ],
)
def test_vrrp_is_let_in_as_the_version_understands_it(version: str, proto: str) -> None:
    *_, rule = wanted_rules(22, [], [443], [], ["192.0.2.2"])
    assert known_rule(rule, lambda _: version) == {**rule, "proto": proto}


def test_version_is_not_asked_for_where_it_does_not_matter() -> None:
    assert known_rule({"port": 80}, lambda *_: pytest.fail("asked")) == {"port": 80}


@pytest.mark.parametrize(
    ("session", "further", "ports"),
    [(None, [], [22]), (2200, [], [2200]), (22, [2222, 22], [22, 2222]), (None, [2222], [2222])],
)
def test_ssh_stays_open(session: int | None, further: list[int], ports: list[int]) -> None:
    rules = ssh_rules(session, further)
    assert rules == [{"port": port, "comment": "SSH"} for port in ports]


def test_is_active_and_default_policy() -> None:
    assert is_active("Status: active\nLogging: on (low)\n")
    assert not is_active("Status: inactive\n")
    assert default_policy('IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\n') == "DROP"
    assert default_policy("") == ""


def process(proc: Path, pid: int, parent: int, environment: bytes) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "environ").write_bytes(environment)
    (proc / str(pid) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")


def test_the_session_of_a_parent_is_found_behind_sudo(tmp_path: Path) -> None:
    process(tmp_path, 30, 20, b"SUDO_USER=ada\0")
    process(tmp_path, 20, 10, b"HOME=/home/ada\0SSH_CONNECTION=192.0.2.1 5000 192.0.2.2 2200\0")
    process(tmp_path, 10, 1, b"SSH_CONNECTION=192.0.2.1 5000 192.0.2.2 22\0")
    assert session_port(30, tmp_path) == 2200


def test_no_session_is_no_port(tmp_path: Path) -> None:
    process(tmp_path, 30, 20, b"SSH_CONNECTION=\0")
    process(tmp_path, 20, 1, b"")
    assert session_port(30, tmp_path) is None
    # A parent that is gone, or hidden.
    assert session_port(99, tmp_path) is None
