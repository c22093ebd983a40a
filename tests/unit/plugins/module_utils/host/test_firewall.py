"""What ufw is told, and whether it would change anything; the texts are ufw 0.36.2's."""

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall import (
    Known,
    State,
    is_active,
    is_met,
    known_rule,
    parse_rules,
    pending_commands,
    read_state,
    rule_arguments,
    setting,
    spans,
    ssh_rules,
    wanted_rules,
    would_change,
)

SSH4 = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=535348"
WEB4 = "### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in"
SSH6 = "### tuple ### allow tcp 22 ::/0 any ::/0 in comment=535348"
WEB6 = "### tuple ### allow tcp 80 ::/0 any ::/0 in"


def params(**given: object) -> dict[str, Any]:
    return {
        **{name: [] for name in ("ssh_ports", "tcp_ports", "rules", "vrrp_peers")},
        "listening": "adopt",
        **given,
    }


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
    *_, rule = wanted_rules(22, params(tcp_ports=[443], vrrp_peers=["192.0.2.2"]))
    assert known_rule(rule, lambda _: version) == {**rule, "proto": proto}


def test_version_is_not_asked_for_where_it_does_not_matter() -> None:
    assert known_rule({"port": 80}, lambda *_: pytest.fail("asked")) == {"port": 80}


@pytest.mark.parametrize(
    ("session", "further", "ports"),
    [(None, [], [22]), (2200, [], [2200]), (22, [2222, 22], [22, 2222]), (None, [2222], [2222])],
)
def test_ssh_stays_open(session: int | None, further: list[int], ports: list[int]) -> None:
    rules = ssh_rules(session, further)
    assert [(rule["port"], rule["comment"]) for rule in rules] == [(port, "SSH") for port in ports]


def test_is_active_and_setting() -> None:
    assert is_active("Status: active\nLogging: on (low)\n")
    assert not is_active("Status: inactive\n")
    assert setting('IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\n', "DEFAULT_INPUT_POLICY") == "DROP"
    assert setting("", "IPV6") == ""


# As ufw 0.36.2 writes them for what an operator may have typed.
OPERATOR = """### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in
### tuple ### limit_log tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in comment=535348
### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow any 53 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 9000 0.0.0.0/0 any 0.0.0.0/0 in_eth0
### tuple ### route:allow tcp 81 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### deny any any 0.0.0.0/0 any 192.0.2.0/24 in
### tuple ### allow tcp 25 0.0.0.0/0 any 0.0.0.0/0 out
### tuple ### allow udp 7000:7010 0.0.0.0/0 any 192.0.2.0/24 in
"""


def test_rules_of_an_operator_are_understood() -> None:
    rules = list(parse_rules(OPERATOR, six=False))
    assert rules == [
        Known("allow", "tcp", "22", "0.0.0.0/0"),
        Known("limit", "tcp", "2222", "0.0.0.0/0"),
        Known("allow", "tcp", "80,443", "0.0.0.0/0"),
        Known("allow", "any", "53", "0.0.0.0/0"),
        Known("allow", "tcp", "9000", "0.0.0.0/0", whole=False),
        Known("deny", "any", "any", "192.0.2.0/24"),
        Known("allow", "udp", "7000:7010", "192.0.2.0/24"),
    ]
    assert [rule.names("tcp", 443) for rule in rules] == [False, False, True, *[False] * 4]
    assert rules[-1].names("udp", 7010)
    assert Known("deny", "any", "any").names("tcp", 443)


def test_spans() -> None:
    assert [list(span) for span in spans("80, 6000:6002,ssh")] == [[80], [6000, 6001, 6002]]


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        ({"port": 2222, "met_by": "all"}, True),
        ({"port": 53, "proto": "udp", "met_by": "all"}, True),
        # Of one interface, of some addresses, without a rule.
        ({"port": 9000, "met_by": "all"}, False),
        ({"port": 7000, "proto": "udp", "met_by": "all"}, False),
        ({"port": 7000, "proto": "udp", "met_by": "some"}, True),
        ({"port": 5432, "met_by": "some"}, False),
        # A named rule is applied as it is: ufw decides.
        ({"port": 2222}, False),
    ],
)
def test_rules_of_an_operator_are_not_replaced(rule: dict[str, Any], *, met: bool) -> None:
    state = State(rules=tuple(parse_rules(OPERATOR, six=False)), ipv6=False)
    assert is_met(rule, state) is met


def test_a_rule_for_one_family_does_not_open_the_other() -> None:
    state = State(rules=(Known("allow", "tcp", "443"),))
    assert not state.lets_all_in("tcp", 443)


def test_the_first_rule_of_a_port_decides() -> None:
    rules = (Known("deny", "any", "443"), Known("allow", "tcp", "443"))
    assert not State(rules=rules, ipv6=False).lets_all_in("tcp", 443)


def test_the_way_in_of_a_closed_host_is_not_widened() -> None:
    first, *_ = wanted_rules(22, params(), denies=True)
    assert first["met_by"] == "some"
    first, *_ = wanted_rules(22, params(ssh_ports=[22]), denies=True)
    assert first["met_by"] == "all"
    first, *_ = wanted_rules(22, params())
    assert first["met_by"] == "all"


def ufw(root: Path, settings: str) -> None:
    (root / "etc/default").mkdir(parents=True)
    (root / "etc/ufw").mkdir()
    (root / "etc/default/ufw").write_text(settings)
    (root / "etc/ufw/user.rules").write_text(OPERATOR)


def test_policies_of_an_operator_stay(tmp_path: Path) -> None:
    ufw(tmp_path, 'IPV6=no\nDEFAULT_INPUT_POLICY="REJECT"\nDEFAULT_FORWARD_POLICY="DROP"\n')
    state = read_state(tmp_path, active=True)
    assert (state.denies, state.ipv6, len(state.rules)) == (True, False, 7)

    def ask(*arguments: str) -> str:
        assert arguments == ("status",)
        return "Status: active\n"

    rules = wanted_rules(22, params(tcp_ports=[80, 443, 2222]), denies=True)
    assert list(pending_commands(ask, rules, tmp_path)) == []


def test_forwarding_stays_where_it_is_on(tmp_path: Path) -> None:
    ufw(tmp_path, 'DEFAULT_INPUT_POLICY="ACCEPT"\nDEFAULT_FORWARD_POLICY="DROP"\n')
    commands = pending_commands(lambda *_: "Status: inactive\n", [], tmp_path, routed=True)
    assert [" ".join(words) for words in commands] == [
        "default deny incoming",
        "default allow routed",
        "--force enable",
    ]
