"""How the archive of a release gets to the host, in how many calls, and when it does not."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action.release import ActionModule
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    format_environment,
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses import sending

TASK_VARS = {"inventory_hostname": "web1"}
BUILT = {"changed": True, "path": "/opt/shop/releases/1.0", "manifest": {"id": "1.0"}}
#: The answer to a look at a host that can build the release, and has to.
NEEDED = {"changed": False, "manifest": {}, "missing": []}
ARGUMENTS: dict[str, Any] = {"name": "shop", "id": "1.0", "uv": "/opt/uv/bin/uv"}
FOLDER = "/tmp/ansible-1"


class Host(ActionModule):
    """An action whose host answers as a test wants, and notes what it was asked and sent."""

    answers: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    sent: list[tuple[str, str]]
    folders: list[str]

    def answer(self) -> dict[str, Any]:
        """Run, and return the answer without the times."""
        began = time.time()
        answer: dict[str, Any] = self.run(task_vars=TASK_VARS)
        took = answer.pop("took")
        assert began - 1 < took["from"] <= took["to"] <= time.time() + 1
        return answer

    def _execute_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        assert module_name == "asgi.fleet.release"
        assert task_vars == TASK_VARS
        self.calls.append(module_args)
        answer = self.answers.pop(0)
        if answer.get("raises"):
            raise RuntimeError("the connection was lost")
        return answer

    def _make_tmp_path(self) -> str:
        self.folders.append(FOLDER)
        return FOLDER

    def _remove_tmp_path(self, path: str) -> None:
        self.folders.remove(path)

    def _transfer_file(self, local: str, remote: str) -> None:
        assert self.folders == [FOLDER]
        self.sent.append((local, remote))


def host(*answers: dict[str, Any], check_mode: bool = False, **args: object) -> Host:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.release", "check_mode": check_mode})
    task.args = args
    shell = SimpleNamespace(tmpdir="unused", join_path=lambda *parts: "/".join(parts))
    action = Host(
        task=task,
        connection=SimpleNamespace(_shell=shell),
        play_context=SimpleNamespace(check_mode=check_mode, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    action.answers, action.calls, action.sent, action.folders = list(answers), [], [], []
    return action


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "shop-1.0.whl"
    path.write_bytes(bytes(range(256)))
    return path


@pytest.fixture
def large(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive that is too large to travel within the call, by one byte."""
    monkeypatch.setattr(sending, "LARGEST_WITHIN_CALL", archive.stat().st_size - 1)
    return archive


def test_small_archive_travels_within_the_call_that_builds(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LARGEST_WITHIN_CALL", archive.stat().st_size)
    action = host(BUILT, **ARGUMENTS, local_archive=str(archive), present=[])
    assert action.answer() == BUILT
    content = base64.b64encode(bytes(range(256))).decode()
    assert action.calls == [ARGUMENTS | {"content": content, "archive_name": "shop-1.0.whl"}]
    assert action.sent == []


def test_large_archive_is_sent_once_the_host_has_said_that_it_needs_it(large: Path) -> None:
    action = host(NEEDED, BUILT, **ARGUMENTS, local_archive=str(large))
    assert action.answer() == BUILT
    remote = f"{FOLDER}/shop-1.0.whl"
    assert action.calls == [
        ARGUMENTS | {"look": True},
        ARGUMENTS | {"archive": remote, "archive_name": "shop-1.0.whl"},
    ]
    assert action.sent == [(str(large), remote)]
    assert action.folders == []


@pytest.mark.parametrize(
    "answer",
    [
        {"changed": False, "manifest": {"id": "1.0"}, "missing": []},
        {"changed": False, "manifest": {}, "missing": ["uv"]},
        {"failed": True, "msg": "no space left"},
        {"is_refusal": True, "msg": "no space left"},
    ],
    ids=["complete", "uv is missing", "failed", "refused"],
)
def test_large_archive_stays_where_it_is_of_no_use(large: Path, answer: dict[str, Any]) -> None:
    action = host(answer, **ARGUMENTS, local_archive=str(large))
    assert action.answer() == answer
    assert action.calls == [ARGUMENTS | {"look": True}]
    assert (action.sent, action.folders) == ([], [])


def test_folder_of_a_large_archive_is_removed_when_the_build_ends_otherwise(large: Path) -> None:
    action = host(NEEDED, {"raises": True}, **ARGUMENTS, local_archive=str(large))
    with pytest.raises(RuntimeError):
        action.answer()
    assert action.sent
    assert action.folders == []


def test_release_that_the_host_is_known_to_have_makes_no_call(archive: Path) -> None:
    known = {"id": "1.0", "state": "kept", "module": "main:app"}
    present = [{"id": "0.9", "state": "live"}, known]
    action = host(**ARGUMENTS, local_archive=str(archive), present=present)
    assert action.answer() == {
        "changed": False,
        "path": "/opt/shop/releases/1.0",
        "manifest": known,
        "module": "main:app",
        "missing": [],
    }
    assert action.calls == []


def test_release_that_the_host_is_not_known_to_have_is_asked_for(archive: Path) -> None:
    action = host(BUILT, **ARGUMENTS, local_archive=str(archive), present=[{"id": "0.9"}])
    assert action.answer()["changed"] is True
    assert "present" not in action.calls[0]


def test_check_mode_sends_no_archive(archive: Path) -> None:
    told = {"changed": True, "manifest": {}}
    action = host(told, **ARGUMENTS, local_archive=str(archive), check_mode=True)
    assert action.answer() == told
    assert action.calls == [ARGUMENTS]


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "package", "package": "shop==1.0", "local_archive": ""},
        {"archive": "/var/cache/shop.whl"},
        {"state": "present", "archive": "/var/cache/shop.whl", "local_archive": None},
    ],
    ids=["package", "archive of the host", "archive of the host and none here"],
)
def test_release_without_an_archive_here_is_one_call(more: dict[str, Any]) -> None:
    action = host(BUILT, **ARGUMENTS, **more)
    assert action.answer() == BUILT
    assert action.calls == [
        ARGUMENTS | {key: value for key, value in more.items() if key != "local_archive"}
    ]


@pytest.mark.parametrize("state", ["pruned", "pinned", "unpinned"])
def test_other_states_need_no_archive(state: str) -> None:
    """Also of a release that the host is known to have."""
    action = host({"changed": True}, **ARGUMENTS, state=state, present=[{"id": "1.0"}])
    assert action.answer()["changed"] is True
    assert action.calls == [ARGUMENTS | {"state": state}]


def test_credentials_of_places_go_where_nothing_shows_them() -> None:
    given: dict[str, Any] = {
        "index": "https://ada:s3cret@pypi.example.com/simple",
        "find_links": "https://ada:s3cret@example.com/wheels",
        "python_mirror": "https://ada:s3cret@mirror.example.com",
        "uv_environment": format_environment({"UV_INDEX": "https://other.example.com", "A": "1"}),
    }
    action = host(BUILT, **ARGUMENTS, **given)
    assert action.answer()["changed"]
    [call] = action.calls
    hidden = parse_environment(call.pop("uv_environment"))
    assert "s3cret" not in repr(call)
    assert call == ARGUMENTS
    assert hidden == {
        "A": "1",
        "UV_INDEX": f"{given['index']} https://other.example.com",
        "UV_FIND_LINKS": given["find_links"],
        "UV_PYTHON_INSTALL_MIRROR": given["python_mirror"],
    }


def test_places_without_credentials_stay_arguments() -> None:
    given: dict[str, Any] = {
        "index": "https://pypi.example.com/simple",
        "find_links": "/srv/wheels",
    }
    action = host(BUILT, **ARGUMENTS, **given)
    action.answer()
    assert action.calls == [ARGUMENTS | given]


def test_settings_that_let_anybody_change_packages_are_refused() -> None:
    settings = format_environment({"UV_INDEX": "http://pypi.example.com/simple"})
    action = host(**ARGUMENTS, uv_environment=settings)
    answer = action.answer()
    assert answer["failed"]
    assert answer["msg"].startswith("python_release_uv_environment.UV_INDEX is http://pypi.")
    assert action.calls == []
