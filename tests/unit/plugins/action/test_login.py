"""Who logs in for which step, with a host that answers as a test wants; ssh is molecule's."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action.login import BY_KEY, ActionModule
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry import coming_back
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.coming_back import NEW_CONNECTION

DENIED = AnsibleConnectionFailure("root@192.0.2.11: Permission denied (publickey,password).")
SILENT = AnsibleConnectionFailure("Connection timed out")
UNKNOWN = AnsibleConnectionFailure("Host key verification failed.")
NO_SUDO = {"rc": 1, "stdout": "", "stderr": "sudo: a password is required"}
ROOT = {"rc": 0, "stdout": "0\n/usr/bin/python3\n", "stderr": ""}
NO_PYTHON = {"rc": 0, "stdout": "0\n", "stderr": ""}
OPENED = {"changed": True, "lines": ["make the account deploy"], "closing": ["close root"]}
CLOSED = {"changed": True, "undo": True, "lines": ["close root"]}
#: What a host answers; an error is raised.
Answer: TypeAlias = dict[str, Any] | Exception


class Connection:
    """One over which a module is run; notes with which options."""

    transport = "ssh"

    def __init__(self) -> None:
        self._shell = SimpleNamespace(tmpdir="of the play")
        self.options: dict[str, Any] = {
            "host": "192.0.2.11",
            "port": None,
            "password": "of root",
            "remote_user": "of the play",
            "ssh_args": "-o ControlPersist=60s",
            "reconnection_retries": 2,
        }
        self.become: Any = SimpleNamespace(
            prompt="left", success="left", secret="of sudo", get_option=lambda _: self.become.secret
        )
        self.become.set_option = lambda _, value: setattr(self.become, "secret", value)
        self.resets: list[str] = []

    def get_option(self, name: str) -> object:
        return self.options[name]

    def set_option(self, name: str, value: object) -> None:
        self.options[name] = value

    def close(self) -> None:
        pass

    def reset(self) -> None:
        self.resets.append(self.options["remote_user"])


class Host(ActionModule):
    """An action whose host answers in turn, and notes who asked for what, and how."""

    answers: list[Answer]
    asked: list[tuple[str, str, str]]
    secrets: list[str | None]

    def _answer(self, what: str) -> dict[str, Any]:
        options = self._connection.options
        assert options["reconnection_retries"] == 0
        assert self._connection._shell.tmpdir is None
        assert (self._connection.become.prompt, self._connection.become.success) == ("", "")
        how = options["ssh_args"].removesuffix(" -o ControlPersist=60s")
        marks = "".join(
            mark for mark, text in (("new ", NEW_CONNECTION), ("key", BY_KEY)) if text in how
        )
        self.asked.append((options["remote_user"], what, marks.strip()))
        self.secrets.append(self._connection.become.secret)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def _low_level_execute_command(self, cmd: str, **_: object) -> dict[str, Any]:
        return self._answer("install" if "apt-get" in cmd else "look")

    def _execute_module(
        self, module_name: str, module_args: dict[str, Any], **_: object
    ) -> dict[str, Any]:
        assert module_name == "asgi.fleet.login"
        assert "login" not in module_args
        return self._answer(module_args["state"])


Run = Callable[..., tuple[dict[str, Any], Host]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(coming_back, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))

    def call(*answers: Answer, check: bool = False, **args: object) -> tuple[dict[str, Any], Host]:
        loader = DataLoader()
        task = Task.load({"action": "asgi.fleet.login", "check_mode": check})
        task.args = {"user": "deploy", **args}
        action = Host(
            task=task,
            connection=Connection(),
            play_context=SimpleNamespace(check_mode=check, diff=False, password=""),
            loader=loader,
            templar=Templar(loader=loader, variables={}),
            shared_loader_obj=None,
        )
        action.answers, action.asked, action.secrets = list(answers), [], []
        result = dict(action.run(task_vars={"inventory_hostname": "web1"}))
        assert action.answers == []
        left = action._connection
        assert left.options == Connection().options
        assert (left.become.secret, left._shell.tmpdir) == ("of sudo", "of the play")
        return result, action

    return call


def test_account_that_gets_in_is_found_without_the_password(run: Run) -> None:
    found, host = run(ROOT, state="found")
    assert (found["user"], found["python"], found["changed"]) == ("deploy", True, False)
    assert host.asked == [("deploy", "look", "key")]


@pytest.mark.parametrize("first", [DENIED, NO_SUDO, AnsibleError("Missing sudo password")])
def test_first_login_is_found_where_the_account_is_not_there_yet(run: Run, first: Answer) -> None:
    found, host = run(first, ROOT, state="found")
    assert found["user"] == "root"
    assert host.asked[1] == ("root", "look", "")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([UNKNOWN], "this machine does not know the host key of web1"),
        ([SILENT], "web1 (192.0.2.11) was not reached as root: Connection timed out"),
        ([DENIED, DENIED], "web1 lets in neither deploy by a key nor root: the password is wrong"),
        ([DENIED, NO_SUDO], "sudo on web1 asks root for a password, and none is given"),
    ],
)
def test_host_that_lets_nobody_in_is_told(run: Run, answers: list[Answer], told: str) -> None:
    found, _host = run(*answers, state="found")
    assert found["failed"]
    assert told in found["msg"]


def test_missing_python_is_installed(run: Run) -> None:
    found, host = run(DENIED, NO_PYTHON, ROOT, state="found")
    assert (found["python"], found["changed"]) == (True, True)
    assert host.asked[2] == ("root", "install", "")
    found, host = run(DENIED, NO_PYTHON, state="found", check=True)
    assert (found["python"], found["changed"]) == (False, True)
    failing = {"rc": 100, "stdout": "", "stderr": "E: Unable to locate \x1bpackage"}
    found, _host = run(DENIED, NO_PYTHON, failing, state="found")
    assert "apt-get does not install it: E: Unable to locate \\x1bpackage" in found["msg"]


def test_account_comes_back_twice_before_root_is_tried(run: Run) -> None:
    done, host = run(OPENED, CLOSED, {"changed": False}, DENIED, login="root")
    assert host.asked == [
        ("root", "opened", ""),
        ("deploy", "closed", "new key"),
        ("deploy", "kept", "new key"),
        ("root", "look", "new"),
    ]
    # Of the account, sudo must not ask.
    assert host.secrets == ["of sudo", None, None, "of sudo"]
    assert host._connection.resets == ["root"]
    assert done["changed"]
    assert done["lines"] == [
        "make the account deploy",
        "close root",
        "deploy came back over a new connection, by a key, with sudo",
        "root was tried, and is refused",
    ]


def test_root_that_still_gets_in_is_told(run: Run) -> None:
    done, _host = run(OPENED, CLOSED, {"changed": False}, ROOT, login="root")
    assert "AND STILL GETS IN" in done["lines"][-1]
    done, _host = run(OPENED, CLOSED, {"changed": False}, ROOT, login="root", close_root=False)
    assert done["lines"][-1] == "root still gets in"


def test_bootstrapped_host_is_left_alone(run: Run) -> None:
    nothing = {"changed": False, "lines": [], "closing": []}
    done, host = run(nothing, {"changed": False, "undo": False, "lines": []}, login="deploy")
    assert (done["changed"], done["lines"]) == (False, [])
    assert host.asked[0] == ("deploy", "opened", "key")


def test_check_mode_asks_as_the_first_login_alone(run: Run) -> None:
    done, host = run(OPENED, check=True, login="root")
    assert (done["lines"], done["changed"]) == (["make the account deploy", "close root"], True)
    assert len(host.asked) == 1


def test_refusal_ends_it(run: Run) -> None:
    done, _host = run({"failed": True, "msg": "deploy is an account of the system"}, login="root")
    assert done["msg"] == "deploy is an account of the system"


@pytest.mark.parametrize(
    "answer",
    [DENIED, AnsibleError("x"), {"failed": True, "module_stderr": "a password is required"}],
)
def test_account_that_does_not_get_in_closes_nothing(run: Run, answer: Answer) -> None:
    done, host = run(OPENED, answer, login="root")
    assert done["failed"]
    assert "does not get in over a new connection" in done["msg"]
    assert "nothing was closed, and root gets in as before" in done["msg"]
    assert len(host.asked) == 2


def test_host_that_cannot_be_closed_says_why(run: Run) -> None:
    refusal = {"failed": True, "msg": "sshd on this host does not follow"}
    done, _host = run(OPENED, refusal, login="root")
    assert done["msg"] == "sshd on this host does not follow"


def test_lost_connection_may_have_closed_and_is_proven_all_the_same(run: Run) -> None:
    done, host = run(OPENED, SILENT, SILENT, {"changed": False}, login="root")
    assert [what for _user, what, _how in host.asked] == ["opened", "closed", "kept", "kept"]
    assert not done.get("failed")


def test_host_that_took_it_back_is_told(run: Run) -> None:
    late = {"failed": True, "undone": True, "msg": "too late"}
    done, _host = run(OPENED, CLOSED, SILENT, late, login="root")
    assert done["failed"]
    assert "deploy did not come back to web1 within 60 seconds" in done["msg"]
    assert "root gets in as before" in done["msg"]
