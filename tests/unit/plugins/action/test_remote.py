"""The action of the modules that a playbook calls first: why a host lets nothing be run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action.normal import ActionModule as Usual
from ansible_collections.asgi.fleet.plugins.action.remote import ActionModule

ROOT = Path(__file__).resolve().parents[4]


def run(
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any] | Exception,
    delegate_to: str | None = None,
) -> dict[str, Any]:
    def usual(*_: object) -> dict[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Usual, "run", usual)
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(delegate_to=delegate_to)
    action._play_context = SimpleNamespace(remote_user=None)
    become = SimpleNamespace(name="community.general.doas")
    action._connection = SimpleNamespace(become=become, get_option=lambda _name: "op")
    return action.run(task_vars={"inventory_hostname": "web1"})


def test_answer_of_a_module_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"failed": True, "msg": "the lock is held"}
    assert run(monkeypatch, answer) == answer


def test_what_is_no_answer_is_explained_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"failed": True, "msg": "deserialization failed", "module_stderr": "doas: not found"}
    told = run(monkeypatch, answer)
    assert set(told) == {"failed", "msg"}
    assert told["msg"].startswith("doas is not installed on web1, so op cannot become root")


def test_traceback_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback ..."}
    assert run(monkeypatch, answer) == answer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AnsibleError("Missing doas password"), "failed"),
        (
            AnsibleConnectionFailure("Timeout (22s) waiting for privilege escalation prompt:"),
            "unreachable",
        ),
    ],
)
def test_error_of_the_connection_is_explained(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    told = run(monkeypatch, error)
    assert told[kind] is True
    assert told["msg"].startswith("doas on web1 ")


def test_host_is_that_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, AnsibleError("Missing doas password"), delegate_to="lb1")
    assert told["msg"].startswith("doas on lb1 ")


def test_another_error_stays_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="Connection refused"):
        run(monkeypatch, AnsibleConnectionFailure("Connection refused"))


def test_modules_that_have_it_exist_and_are_those_that_come_first() -> None:
    routing = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["plugin_routing"]
    for name, told in routing["modules"].items():
        assert told == {"action_plugin": "asgi.fleet.remote"}
        assert (ROOT / "plugins" / "modules" / f"{name}.py").exists()
    # Of provision, balancer, maintenance, drain; of every rollout; of patch and status.
    first = {
        "nginx_claim",
        "haproxy_claim",
        "maintenance",
        "balancer_canary",
        "balancer_server",
        "rollout",
        "app_info",
    }
    assert first <= routing["modules"].keys()
