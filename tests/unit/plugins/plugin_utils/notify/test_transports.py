"""Real servers on loopback and real programs: what is sent, and what is said when it fails."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.notify import targets
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify import transports
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import completed
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.sending import NotTold, tell
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.transports import send

from tests import listeners
from tests.listeners import listening, refusing, taking_mail
from tests.unit.plugins.plugin_utils.inputs.certificates import NOW, make

EVENT = completed(
    {"event": "failed", "kind": "release", "app": "shop", "hosts": ["web1"], "detail": ["why"]},
    at=7,
)
TOKEN = "the-token-of-the-hook"


def target(**given: object) -> dict[str, Any]:
    findings = Findings("fleet_notify")
    (found,) = targets([{"name": "ops", "timeout_seconds": 1, **given}], findings)
    assert findings.problems == []
    return found


def hook(port: int, **changes: object) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/{TOKEN}"
    return target(**{"type": "webhook", "format": "json", "url": url, **changes})


def refusal(of: dict[str, Any]) -> str:
    with pytest.raises(NotTold) as refused:
        send(of, EVENT)
    assert TOKEN not in str(refused.value)
    return str(refused.value)


def line_and_seconds(of: dict[str, Any]) -> tuple[list[str], float]:
    began = time.monotonic()
    lines = tell([(of, EVENT)], send)
    return lines, time.monotonic() - began


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def test_webhook_is_sent_the_event_and_its_headers() -> None:
    with listening() as heard:
        send(hook(heard.port, headers={"X-Token": "abc"}), EVENT)
    assert heard.documents == [EVENT]
    (headers,) = heard.headers
    assert headers["X-Token"] == "abc"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "asgi.fleet"


def test_webhook_that_answers_500_is_named_with_nothing_of_its_answer() -> None:
    with listening(listeners.broken) as heard:
        assert refusal(hook(heard.port)) == "status 500"


def test_webhook_that_refuses_connections_is_named() -> None:
    with refusing() as port:
        assert refusal(hook(port)) == "connection refused"


def test_webhook_whose_name_does_not_resolve_is_named() -> None:
    assert refusal(target(type="webhook", format="json", url="https://nowhere.invalid/x")) == (
        "its name does not resolve"
    )


@pytest.mark.parametrize("answer", [listeners.silent, listeners.slow_header])
def test_webhook_that_is_slow_costs_its_time_out(answer: listeners.Answer) -> None:
    with listening(answer) as heard:
        lines, seconds = line_and_seconds(hook(heard.port))
    assert lines == ["not told: ops: no answer in 1 s"]
    assert 0.9 < seconds < 1.5


def test_webhook_whose_body_does_not_end_was_told() -> None:
    with listening(listeners.slow_body) as heard:
        lines, seconds = line_and_seconds(hook(heard.port))
    assert lines == []
    assert seconds < 0.9


def test_name_that_takes_long_to_resolve_costs_the_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No time-out of a socket bounds it.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args: time.sleep(10))
    lines, seconds = line_and_seconds(hook(9))
    assert lines == ["not told: ops: no answer in 1 s"]
    assert seconds < 1.5


def test_redirect_is_not_followed_and_secrets_go_nowhere_else() -> None:
    with (
        listening() as other,
        listening(listeners.redirected(f"http://127.0.0.1:{other.port}/")) as heard,
    ):
        told = refusal(hook(heard.port, headers={"X-Token": "abc"}))
        assert told == "status 307, a redirect, which is not followed"
        assert (len(heard.bodies), other.bodies) == (1, [])


def test_webhook_that_is_no_http_server_is_named() -> None:
    with taking_mail() as heard:
        assert refusal(hook(heard.port)).startswith("no answer that can be read")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, self-signed."""
    since = (datetime.now(timezone.utc) - NOW).days
    made = make("localhost", days=(since - 1, since + 30), ca=None)
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(made.pem + made.key_pem())
    return path


def test_webhook_with_an_unknown_authority_is_told_nothing(certificate: Path) -> None:
    with listening(tls=certificate) as heard:
        url = f"https://localhost:{heard.port}/{TOKEN}"
        refused = refusal(target(type="webhook", format="json", url=url))
        assert refused.startswith("its certificate is not trusted (self")
        assert heard.bodies == []


def test_webhook_with_an_authority_of_ones_own_is_trusted(certificate: Path) -> None:
    with listening(tls=certificate) as heard:
        url = f"https://localhost:{heard.port}/x"
        send(target(type="webhook", format="json", url=url, ca_bundle=str(certificate)), EVENT)
        assert heard.documents == [EVENT]


def test_bundle_that_has_gone_is_named(tmp_path: Path) -> None:
    gone = hook(9, ca_bundle=f"{tmp_path}/ca.pem")
    assert refusal(gone) == "no such file or directory"


def test_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        send(hook(9, url="http://127.0.0.1:9/x"), EVENT)
        assert proxy.documents == [EVENT]


def test_template_that_fails_is_named_with_nothing_of_its_text(tmp_path: Path) -> None:
    template = tmp_path / "own.j2"
    template.write_text(f"{{{{ event['{TOKEN}'] }}}}")
    own = hook(9, format=None, template=str(template))
    assert refusal(own) == "its template fails (UndefinedError)"
    template.unlink()
    assert refusal(own) == "no such file or directory"


def smtp(port: int, **changes: object) -> dict[str, Any]:
    server = {"host": "127.0.0.1", "port": port, "security": "none", **changes}
    return target(type="mail", to="ops@example.com", smtp=server, **{"from": "fleet@example.com"})


def test_mail_is_submitted() -> None:
    with taking_mail() as heard:
        send(smtp(heard.port), EVENT)
    assert "mail from:<fleet@example.com>" in heard.commands
    assert "rcpt to:<ops@example.com>" in heard.commands
    (mail,) = heard.bodies
    assert "Subject: shop: release failed on web1\r\n" in mail
    assert "\r\nwhy\r\n" in mail


@pytest.mark.parametrize(
    ("refuses", "told"),
    [("MAIL", "status 550"), ("RCPT", "no recipient was accepted, status 550")],
)
def test_mail_that_is_refused_is_named(refuses: str, told: str) -> None:
    with taking_mail(refuses=refuses) as heard:
        assert refusal(smtp(heard.port)) == told


def test_mail_server_that_says_nothing_costs_its_time_out() -> None:
    with taking_mail(mute=True) as heard:
        lines, seconds = line_and_seconds(smtp(heard.port))
    assert lines == ["not told: ops: no answer in 1 s"]
    assert seconds < 1.5


def test_mail_is_not_sent_in_the_clear_where_tls_is_wanted() -> None:
    with taking_mail() as heard:
        refused = refusal(smtp(heard.port, security="starttls"))
        assert refused == "no answer that can be read (SMTPNotSupportedError)"
        assert heard.bodies == []


def program(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_mail_goes_to_sendmail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        transports, "SENDMAIL", (program(tmp_path, f"echo $* > {tmp_path}/a; cat > {tmp_path}/b"),)
    )
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    send(target(type="mail", to="ops@example.com"), EVENT)
    assert (tmp_path / "a").read_text() == "-t -i\n"
    assert "To: ops@example.com\n" in (tmp_path / "b").read_text()


def test_machine_without_sendmail_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "SENDMAIL", ())
    monkeypatch.setenv("PATH", "/nowhere")
    assert refusal(target(type="mail", to="ops@example.com")) == (
        "this machine has no sendmail; set smtp"
    )


def command(*arguments: str) -> dict[str, Any]:
    return target(type="command", command=list(arguments))


def test_command_reads_the_event(tmp_path: Path) -> None:
    send(command(program(tmp_path, f'cat > "{tmp_path}/$1"'), "out put"), EVENT)
    assert json.loads((tmp_path / "out put").read_text()) == EVENT


def test_command_need_not_read() -> None:
    send(command("true"), {**EVENT, "detail": ["x" * 300_000]})


def test_command_that_fails_is_named_with_nothing_of_its_output(tmp_path: Path) -> None:
    assert refusal(command(program(tmp_path, f"echo {TOKEN} >&2; exit 3"))) == "exit status 3"
    assert refusal(command(program(tmp_path, "kill -9 $$"))) == "ended by SIGKILL"


def test_command_that_has_gone_is_named() -> None:
    assert refusal(command("/nowhere/tell")) == "no such file or directory"


def running(folder: Path) -> bool:
    pid = (folder / "pid").read_text().strip()
    return subprocess.run(["kill", "-0", pid], check=False, capture_output=True).returncode == 0


def test_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    lines, seconds = line_and_seconds(
        command(program(tmp_path, f"sleep 30 & echo $! > {tmp_path}/pid; wait"))
    )
    assert len(lines) == 1
    assert seconds < 1.5
    deadline = time.monotonic() + 3
    while running(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running(tmp_path)


def test_command_that_leaves_a_child_behind_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    send(command(program(tmp_path, f"sleep 3 & echo $! > {tmp_path}/pid")), EVENT)
    assert time.monotonic() - began < 0.9
