"""The frame of a module: nothing of a call reaches the journal, and no credentials the answer."""

from __future__ import annotations

import json
import syslog
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module

SECRET = 'TOKEN="s3cret"\n'
SPEC: dict[str, Any] = {
    "slot": {"type": "dict", "options": {"environment": {"type": "str", "no_log": True}}},
    "index": {"type": "str"},
    "nested": {"type": "list", "elements": "dict"},
}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written to the journal, by its library or by syslog(3)."""
    lines: list[str] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(syslog, "syslog", lambda _level, line: lines.append(line))
    return lines


def call(kind: type[AnsibleModule], **arguments: object) -> AnsibleModule:
    # As Ansible sends it from a task without no_log.
    with patch_module_args({"_ansible_no_log": False, **arguments}):
        return kind(argument_spec=SPEC)


def test_ansible_logs_the_secret_of_a_suboption(logged: list[str]) -> None:
    """The reason for the frame; once this fails, Ansible has mended it."""
    call(AnsibleModule, slot={"environment": SECRET})
    assert "s3cret" in "".join(logged)


def test_frame_logs_nothing(logged: list[str]) -> None:
    module = call(Module, slot={"environment": SECRET})
    module.log("the environment is " + SECRET)
    assert logged == []


def test_answer_has_no_credentials_of_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    index = "https://ci:s3cret@index.example.com/simple"
    given = {"index": index, "nested": [{"url": "https://t0ken@h/"}]}
    with patch_module_args(given):
        module = Module(argument_spec=SPEC)
        with pytest.raises(SystemExit):
            module.exit_json(told=f"cannot read {index}", seen=module.params)
    answer = capsys.readouterr().out
    assert "s3cret" not in answer
    assert "t0ken" not in answer
    assert json.loads(answer)["told"] == "cannot read https://********@index.example.com/simple"
