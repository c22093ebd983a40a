"""The frame of a module: nothing of a call reaches the journal, and no credentials the answer."""

from __future__ import annotations

import json
import os
import subprocess
import syslog
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import REFUSAL, Module

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


@pytest.fixture
def odd_login(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A log-in with umask 077, another language and a user's PATH."""
    for name, value in {"LANG": "de_DE.UTF-8", "LC_TIME": "de_DE", "LANGUAGE": "de:en"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("PATH", "/home/op/bin:/usr/bin:/bin")
    own = os.umask(0o077)
    yield
    os.umask(own)


@pytest.mark.usefixtures("odd_login")
def test_what_a_module_makes_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    call(Module)
    (tmp_path / "parent" / "child").mkdir(mode=0o755, parents=True)
    subprocess.run(["mkdir", "-p", tmp_path / "by" / "tool"], check=True)
    (tmp_path / "file").write_text("")
    made = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o755}
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("odd_login")
def test_tools_answer_in_english_whatever_the_language_of_the_login() -> None:
    call(Module)
    found = {name for name in os.environ if name.startswith(("LANG", "LC_"))}
    assert found == {"LANG", "LC_ALL"}
    assert os.environ["LC_ALL"] == os.environ["LANG"] == "C.UTF-8"


@pytest.mark.usefixtures("odd_login")
def test_tools_of_root_are_found_behind_the_users_own() -> None:
    call(Module)
    assert os.environ["PATH"] == (
        "/home/op/bin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin"
    )


@pytest.mark.parametrize(
    ("spec", "given", "fails"),
    [
        pytest.param({}, {}, True, id="without the option"),
        pytest.param(REFUSAL, {}, True, id="unless told otherwise"),
        pytest.param(REFUSAL, {"fail_when_refused": True}, True, id="fails"),
        pytest.param(REFUSAL, {"fail_when_refused": False}, False, id="the caller shows it"),
    ],
)
def test_refusal_fails_unless_the_caller_shows_it(
    spec: dict[str, Any], given: dict[str, Any], fails: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch_module_args(given):
        module = Module(argument_spec=spec)
        with pytest.raises(SystemExit) as ended:
            module.refuse(ValueError("no room"), live="1.0")
    answer = json.loads(capsys.readouterr().out)
    assert ended.value.code == (1 if fails else 0)
    assert answer.get("failed", False) is fails
    assert (answer["msg"], answer["is_refusal"], answer["live"]) == ("no room", True, "1.0")
