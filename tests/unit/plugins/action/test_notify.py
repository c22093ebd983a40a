"""What the action adds to the core: whom it asks, and what it returns."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import context
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action import notify

from tests.listeners import Heard, broken, listening

CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
TOKEN = "the-token-of-the-hook"
FAULT = {"host": "web1", "seen": "the certificate expires in 3 days", "todo": "renew it"}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(notify, "display", SimpleNamespace(display=texts.append))
    monkeypatch.setattr(context, "CLIARGS", {"inventory": ("/inventory",)})
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return texts


def run(task_vars: dict[str, Any], *, check_mode: bool = False, **args: object) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.notify", "check_mode": check_mode})
    task.args = args
    action = notify.ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=check_mode, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    return dict(action.run(task_vars=task_vars))


def variables(heard: Heard, **changes: object) -> dict[str, Any]:
    url = f"http://127.0.0.1:{heard.port}/{TOKEN}"
    hook = {"type": "webhook", "format": "json", "url": url, **changes}
    return {
        "check_judged": {"notified": {"shop": {"events": [], "hosts": ["web1", "web2"]}}},
        "hostvars": {
            host: {"fleet_notify": [hook], "app_secrets": {"TOKEN": f"secret-of-{host}"}}
            for host in ("web1", "web2")
        },
    }


def end(**changes: object) -> dict[str, Any]:
    return {"event": "end", "app": "shop", "kind": "release", "hosts": ["web1"], **changes}


def test_action_tells_and_says_what(printed: list[str]) -> None:
    with listening() as heard:
        result = run(variables(heard), events=[end(text="by secret-of-web2")])
    assert result == {"changed": False, "told": {"shop": ["end"]}, "not_told": []}
    assert [event["text"] for event in heard.documents] == ["by <TOKEN>"]
    assert printed == []


def test_action_names_who_was_not_told_and_does_not_fail(printed: list[str]) -> None:
    with listening(broken) as heard:
        result = run(variables(heard, name="ops"), events=[end()])
    assert result["not_told"] == ["not told: ops: status 500"]
    assert printed == ["not told: ops: status 500"]
    assert "failed" not in result
    assert TOKEN not in repr(result)


@pytest.mark.parametrize(
    "changes", [{"check_judged": {}}, {"check_judged": {"notified": {}}}, {"check_judged": None}]
)
def test_action_asks_nothing_of_a_fleet_without_targets(
    printed: list[str], changes: dict[str, Any]
) -> None:
    assert run({"hostvars": None, **changes}, events=[end()])["told"] == {}
    assert printed == []


def test_action_leaves_out_applications_of_which_nobody_is_told(printed: list[str]) -> None:
    with listening() as heard:
        assert run(variables(heard), events=[end(app="blog"), end()])["told"] == {"shop": ["end"]}
    assert (len(heard.bodies), printed) == (1, [])


def test_action_tells_nothing_in_check_mode(printed: list[str]) -> None:
    with listening() as heard:
        assert run(variables(heard), check_mode=True, events=[end()])["told"] == {}
    assert (heard.bodies, printed) == ([], [])


def test_action_refuses_what_is_no_event(printed: list[str]) -> None:
    with listening() as heard:
        result = run(variables(heard), events=[end(event="ended")])
    assert (result["failed"], printed) == (True, [])
    assert result["msg"] == "event is ended; expected begin, end, failed, reverted"


def test_action_says_of_targets_that_cannot_be_read_only_that(printed: list[str]) -> None:
    with listening() as heard:
        result = run(variables(heard, url=f"http://example.com/{TOKEN}"), events=[end()])
    assert printed == ["not told: fleet_notify cannot be read (ValueError)"]
    assert TOKEN not in repr(result)


def test_action_tells_findings_once_and_that_they_are_over(printed: list[str]) -> None:
    fault, warning = {**FAULT, "severity": "fault"}, {**FAULT, "severity": "warning"}
    later = {**fault, "seen": "the certificate expires in 2 days"}
    with listening() as heard:
        for findings in ([warning], [fault, warning], [later], [], []):
            assert run(variables(heard), findings=findings)["judged"] is True
        assert [event["event"] for event in heard.documents] == ["failed", "end"]
        run(variables(heard), findings=[warning], fail_on="warning")
    assert len(heard.bodies) == 3
    assert printed == []


def test_action_tells_each_application_of_its_own_hosts_and_of_balancers(
    printed: list[str],
) -> None:
    with listening() as heard:
        known = variables(heard)
        notified = known["check_judged"]["notified"]
        notified |= {"shop": {"hosts": ["web1"]}, "blog": {"hosts": ["web2"]}}
        fault = {**FAULT, "severity": "fault"}
        run(known, findings=[fault])
        run(known, findings=[fault, {**fault, "host": "lb1"}])
    told = [(event["app"], event["hosts"]) for event in heard.documents]
    assert told == [("shop", ["web1"]), ("shop", ["web1", "lb1"]), ("blog", ["lb1"])]
    assert printed == []


def test_action_says_that_it_cannot_keep_what_it_told(
    printed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with listening() as heard:
        run(variables(heard), findings=[{**FAULT, "severity": "fault"}])
    assert len(heard.bodies) == 1
    assert "(Not a directory): it will be told again" in printed[0]
