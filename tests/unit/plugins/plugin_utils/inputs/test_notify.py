"""The targets of fleet_notify: what is refused, by name, and that no secret is repeated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import examine
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.notify import (
    check_files,
    public_part,
    secrets_of,
    targets,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.tls import read_controller_file

URL = "https://hooks.example.com/services/T0000/B0000/the-secret-of-the-hook"
HOOK: dict[str, Any] = {"type": "webhook", "format": "slack", "url": URL}
MAIL: dict[str, Any] = {"type": "mail", "to": "ops@example.com"}
COMMAND: dict[str, Any] = {"type": "command", "command": ["/usr/bin/logger", "-t", "fleet"]}
SET = "set it in group_vars/app.yml"
VAULT = "set it in a file that ansible-vault encrypts"
EXPECTED_URL = (
    "an https:// URL without user and password; http:// only of this machine itself "
    "(localhost, 127.0.0.1)"
)


def problems(*given: object) -> list[str]:
    findings = Findings("fleet_notify")
    targets(list(given), findings)
    return [problem.message for problem in findings.problems]


def normal(*given: object) -> list[dict[str, Any]]:
    findings = Findings("fleet_notify")
    found = targets(list(given), findings)
    assert findings.problems == []
    return found


def test_webhook_gets_every_key() -> None:
    assert normal(HOOK) == [
        {
            "type": "webhook",
            "name": "slack",
            "events": ["failed", "reverted", "end"],
            "timeout_seconds": 5,
            "url": URL,
            "format": "slack",
            "template": "",
            "headers": {},
            "ca_bundle": "",
        }
    ]


def test_mail_gets_every_key() -> None:
    smtp = {"host": "mail.example.com", "user": "fleet", "password": "p"}
    assert normal(MAIL | {"events": "failed", "timeout_seconds": "30", "smtp": smtp}) == [
        {
            "type": "mail",
            "name": "mail",
            "events": ["failed"],
            "timeout_seconds": 30,
            "to": ["ops@example.com"],
            "from": "",
            "smtp": {
                "host": "mail.example.com",
                "port": 587,
                "security": "starttls",
                "user": "fleet",
                "password": "p",
                "ca_bundle": "",
            },
            "template": "",
        }
    ]


@pytest.mark.parametrize(
    ("smtp", "port", "security"),
    [
        ("mail.example.com", 587, "starttls"),
        ({"host": "mail.example.com", "security": "tls"}, 465, "tls"),
        ({"host": "10.0.0.5", "security": "none"}, 25, "none"),
        ({"host": "::1", "security": "none", "port": "2525"}, 2525, "none"),
    ],
)
def test_smtp_has_the_port_of_its_security(smtp: object, port: int, security: str) -> None:
    found = normal(MAIL | {"smtp": smtp})[0]["smtp"]
    assert (found["port"], found["security"]) == (port, security)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (["/bin/tell", "a b", ""], ["/bin/tell", "a b", ""]),
        ("logger -t fleet 'a b'", ["logger", "-t", "fleet", "a b"]),
    ],
)
def test_command_is_a_list_or_a_line_without_a_shell(command: object, arguments: object) -> None:
    assert normal({"type": "command", "command": command})[0]["command"] == arguments


@pytest.mark.parametrize(
    "url",
    [
        "https://chat.example.com:8443/hooks/x?wait=true",
        "http://127.0.0.1:9000/x",
        "http://localhost/x",
        "http://[::1]:9000/x",
    ],
)
def test_url_may_be(url: str) -> None:
    assert normal(HOOK | {"url": url})[0]["url"] == url


@pytest.mark.parametrize(
    ("url", "what", "todo"),
    [
        (None, "not set", VAULT),
        ("", "empty", VAULT),
        (7, "a number", VAULT),
        ("hooks.example.com/the-secret", "a text that is not a URL", VAULT),
        ("https://", "a text that is not a URL", VAULT),
        ("https://hooks.example.com/the secret", "a text that is not a URL", VAULT),
        ("https://hooks.example.com:port/x", "a text that is not a URL", VAULT),
        ("https://hooks.example.com/\nthe-secret", "a text that is not a URL", VAULT),
        ("http://hooks.example.com/the-secret", "a URL that begins with http://", SET),
        ("http://127.0.0.1.example.com/x", "a URL that begins with http://", SET),
        ("file:///etc/passwd", "a text that is not a URL", VAULT),
        ("ftp://hooks.example.com/x", "a URL that begins with ftp://", SET),
    ],
)
def test_url_is_refused_and_not_repeated(url: object, what: str, todo: str) -> None:
    assert problems(HOOK | {"url": url}) == [
        f"fleet_notify[0].url is {what}; expected {EXPECTED_URL}; {todo}"
    ]


def test_url_with_a_password_is_refused_and_not_repeated() -> None:
    (message,) = problems(HOOK | {"url": "https://user:the-secret@hooks.example.com/x"})
    assert message == (
        "fleet_notify[0].url is a URL with a user or a password; "
        f"expected {EXPECTED_URL}; use headers; {SET}"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("slack", "[0] is a text; expected a mapping with type and its keys"),
        ({}, "[0].type is not set; expected webhook, mail or command"),
        ({"type": "sms"}, "[0].type is sms; expected webhook, mail or command"),
        (
            HOOK | {"to": "x"},
            "[0].to is not a key of the type webhook; expected type, name, events, "
            "timeout_seconds, url, format, template, headers, ca_bundle",
        ),
        (
            {"type": "webhook", "url": URL},
            "[0].format is not set; expected slack, mattermost, teams, discord, json, or a temp",
        ),
        (
            HOOK | {"format": "irc"},
            "[0].format is irc; expected slack, mattermost, teams, discord, json",
        ),
        (HOOK | {"template": "/x.j2"}, "[0].format is set, and template too; expected one of them"),
        (
            {"type": "webhook", "url": URL, "template": "x.j2"},
            "[0].template is x.j2; expected the absolute path of a file on the controller",
        ),
        (
            HOOK | {"events": ["ended"]},
            "[0].events is ended; expected a list of begin, end, failed, reverted",
        ),
        (HOOK | {"events": []}, "[0].events is empty; expected a list of begin"),
        (
            HOOK | {"timeout_seconds": 31},
            "[0].timeout_seconds is 31; expected a number of seconds from 1 to 30",
        ),
        (
            HOOK | {"timeout_seconds": 0},
            "[0].timeout_seconds is 0; expected a number of seconds from 1 to 30",
        ),
        (HOOK | {"name": "a\nb"}, "[0].name is a b; expected at most 40 letters"),
        (HOOK | {"headers": "X: y"}, "[0].headers is a text; expected a mapping of names to texts"),
        (HOOK | {"headers": {"X Y": "z"}}, "[0].headers is with a name that no header has"),
        (HOOK | {"headers": {"Host": "z"}}, "[0].headers.Host is set by asgi.fleet itself"),
        (
            HOOK | {"headers": {"X-Token": "the\r\nsecret"}},
            "[0].headers.X-Token is a text of several lines; expected a text on one line",
        ),
        (HOOK | {"headers": {"X-Token": 7}}, "[0].headers.X-Token is a number"),
        ({"type": "mail"}, "[0].to is not set; expected an address such as ops@example.com"),
        (MAIL | {"to": ["a@b", "ops"]}, "[0].to is ops; expected an address"),
        (MAIL | {"to": "a@b\nBcc: c@d"}, "[0].to is a@b Bcc: c@d; expected an address"),
        (MAIL | {"from": "a b@c"}, "[0].from is a b@c; expected an address"),
        (MAIL | {"smtp": 25}, "[0].smtp is a number; expected the name of a host"),
        (MAIL | {"smtp": {}}, "[0].smtp.host is not set; expected a DNS name"),
        (MAIL | {"smtp": {"host": "a b"}}, "[0].smtp.host is a b; expected a DNS name"),
        (MAIL | {"smtp": {"host": "a", "port": 0}}, "[0].smtp.port is 0; expected a number from 1"),
        (MAIL | {"smtp": {"host": "a", "tls": True}}, "[0].smtp.tls is not a key; expected host"),
        (
            MAIL | {"smtp": {"host": "a", "security": "ssl"}},
            "[0].smtp.security is ssl; expected starttls, tls or none",
        ),
        (
            MAIL | {"smtp": {"host": "a", "password": "the-secret"}},
            "[0].smtp.user is not set; expected both, user and password, or neither",
        ),
        (
            MAIL
            | {"smtp": {"host": "a.b", "security": "none", "user": "u", "password": "the-secret"}},
            "[0].smtp.security is none, with a password; expected starttls or tls",
        ),
        ({"type": "command"}, "[0].command is not set; expected a list of arguments, or one line"),
        ({"type": "command", "command": []}, "[0].command is empty; expected a list of arguments"),
        ({"type": "command", "command": ["a", 7]}, "[0].command is a list; expected a list of arg"),
        (
            {"type": "command", "command": "tell 'the-secret"},
            "[0].command is a text with an open quote; expected a list of arguments",
        ),
        (
            {"type": "command", "command": "tell the-secret | mail x"},
            "[0].command is a text for a shell; expected a list of arguments, or one line "
            "without a shell's operators; put it into a script",
        ),
        (
            {"type": "command", "command": "./tell the-secret"},
            "[0].command[0] is a relative path; expected an absolute path",
        ),
    ],
)
def test_target_is_refused_by_name(given: object, message: str) -> None:
    (found,) = problems(given)
    assert found.startswith(f"fleet_notify{message}"), found
    assert "the-secret" not in found


def test_what_is_no_list_is_refused() -> None:
    findings = Findings("fleet_notify")
    assert targets(HOOK, findings) == []
    (problem,) = findings.problems
    assert problem.message.startswith("fleet_notify is a mapping; expected a list of targets")
    assert "secret" not in problem.message


def test_target_without_a_name_is_called_by_its_kind() -> None:
    found = normal(HOOK, MAIL, HOOK, COMMAND, HOOK | {"name": "mail-2"})
    assert [one["name"] for one in found] == ["slack", "mail", "slack-3", "command", "mail-2"]


def test_name_twice_is_refused() -> None:
    (message,) = problems(HOOK | {"name": "ops"}, MAIL | {"name": "ops"})
    assert message == f"fleet_notify[1].name is ops twice; expected each name once; {SET}"


def check(given: dict[str, Any]) -> list[str]:
    findings = Findings("fleet_notify")
    check_files(normal(given), findings, read_controller_file)
    return [problem.message for problem in findings.problems]


def test_template_that_is_not_there_is_refused(tmp_path: Path) -> None:
    hook = {"type": "webhook", "url": URL, "template": f"{tmp_path}/x.j2"}
    (message,) = check(hook)
    assert "fleet_notify[0].template is" in message
    assert "(No such file or directory); expected a file that can be read" in message
    (tmp_path / "x.j2").write_text("{{ event.text | tojson }}")
    assert check(hook) == []
    (tmp_path / "x.j2").write_text("one\n{{ event.text")
    (message,) = check(hook)
    assert "whose line 2 is wrong" in message


def test_bundle_without_a_certificate_is_refused(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\n")
    assert check(HOOK | {"ca_bundle": str(bundle)}) == []
    bundle.write_text("none")
    (message,) = check(HOOK | {"ca_bundle": str(bundle)})
    assert "fleet_notify[0].ca_bundle is" in message
    smtp = {"host": "a", "ca_bundle": str(bundle)}
    assert "fleet_notify[0].smtp.ca_bundle is" in check(MAIL | {"smtp": smtp})[0]


def test_program_that_is_not_there_is_refused() -> None:
    assert check({"type": "command", "command": ["true"]}) == []
    (message,) = check({"type": "command", "command": ["/nowhere/tell", "the-secret"]})
    assert "fleet_notify[0].command[0] is a program that is not there" in message
    assert "the-secret" not in message


def test_public_part_has_no_secret() -> None:
    found = normal(HOOK | {"headers": {"X-Token": "the-secret"}}, MAIL)
    assert public_part(found) == [
        {"name": "slack", "type": "webhook", "events": ["failed", "reverted", "end"]},
        {"name": "mail", "type": "mail", "events": ["failed", "reverted", "end"]},
    ]


def test_secrets_are_urls_passwords_and_headers_that_look_like_one() -> None:
    headers = {"Priority": "high", "X-Token": "short", "X-Other": "a-long-text-of-any-kind"}
    smtp = {"host": "a", "user": "u", "password": "the-password"}
    assert secrets_of(normal(HOOK | {"headers": headers}, MAIL | {"smtp": smtp}, COMMAND)) == {
        "fleet_notify[0].url": URL,
        "fleet_notify[0].headers.X-Token": "short",
        "fleet_notify[0].headers.X-Other": "a-long-text-of-any-kind",
        "fleet_notify[1].smtp.password": "the-password",
    }


def test_deployment_has_no_secret_of_a_target() -> None:
    source = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1"}
    given = {"app_name": "shop", "app_source": source, "app_domain": "a.example.com"}
    examination = examine({**given, "fleet_notify": [HOOK, MAIL | {"events": "begin"}]})
    assert examination.problems == []
    assert [one["name"] for one in examination.deployment["fleet_notify"]] == ["slack", "mail"]
    assert "the-secret" not in repr(examination)
    assert examine(given).deployment["fleet_notify"] == []


def blocks() -> list[list[dict[str, Any]]]:
    """Return the targets in the YAML of docs/notify.md, with values for what Vault has."""
    page = (Path(__file__).parents[5] / "docs" / "notify.md").read_text()
    page = page.replace("{{ inventory_dir }}", "/inventory")
    page = re.sub(r"\{\{ vault_\w+_url \}\}", URL, page)
    page = re.sub(r"\{\{ vault_\w+ \}\}", "x", page)
    found = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    found = [one["fleet_notify"] if isinstance(one, dict) else one for one in found]
    inline = [yaml.safe_load(text) for text in re.findall(r"`(\{type: [^`]+\})`", page)]
    made = [[{**one, "url": URL}] for one in inline]
    return [*(one for one in found if "type" in one[0]), *made]


def test_page_shows_targets_that_are_accepted() -> None:
    shown = blocks()
    assert len(shown) == 7
    for given in shown:
        assert normal(*given)
