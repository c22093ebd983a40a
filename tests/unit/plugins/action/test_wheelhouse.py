"""What a builder is asked for, what is fetched, and when it is asked for nothing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action import release, uv, wheelhouse
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.stock import Stock, sha256_of

PLATFORM = "x86_64, glibc 2.41, Python 3.13"
FOLDER = "/tmp/ansible-1"
WHEELS = {"toy-1.0-py3-none-any.whl": "a" * 64}


class Builder:
    """A host that answers as a test wants, and notes what it was asked and sent."""

    def __init__(self, action: type[Any], folder: Path, *answers: dict[str, Any]) -> None:
        self.answers, self.folder = list(answers), folder
        self.calls: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.action = action

    def run(self, *, check_mode: bool = False, **arguments: object) -> dict[str, Any]:
        loader = DataLoader()
        task = Task.load({"action": "x", "check_mode": check_mode, "delegate_to": "build1"})
        task.args = {"name": "shop", "id": "1", "cache": str(self.folder), **arguments}
        shell = SimpleNamespace(tmpdir="unused", join_path=lambda *parts: "/".join(parts))
        action = self.action(
            task=task,
            connection=SimpleNamespace(_shell=shell, fetch_file=self.fetch),
            play_context=SimpleNamespace(check_mode=check_mode, diff=False),
            loader=loader,
            templar=Templar(loader=loader, variables={}),
            shared_loader_obj=None,
        )
        action._execute_module = self.answer
        action._make_tmp_path = lambda: FOLDER
        action._remove_tmp_path = lambda _path: None
        action._transfer_file = lambda local, _remote: self.sent.append(local)
        answer: dict[str, Any] = action.run(task_vars={})
        return answer

    def answer(self, module_args: dict[str, Any], **_more: object) -> dict[str, Any]:
        self.calls.append(module_args)
        return self.answers.pop(0)

    def fetch(self, remote: str, local: str) -> None:
        assert remote.startswith(FOLDER)
        Path(local).write_text("wheels")


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "same"
    path.write_text("wheels")
    told = {"sha256": sha256_of(str(path)), "digest": "d", "wheels": WHEELS, "built_on": "build1"}
    return {"changed": True, **told, "hashes": "enforced", "notes": []}


def stocked(folder: Path, made: dict[str, Any]) -> str:
    builder = Builder(wheelhouse.ActionModule, folder, made)
    answer: str = builder.run(platform=PLATFORM)["path"]
    return answer


def test_what_a_builder_made_is_fetched_once(tmp_path: Path, made: dict[str, Any]) -> None:
    builder = Builder(wheelhouse.ActionModule, tmp_path, made)
    archive = tmp_path / "shop.tar.gz"
    archive.write_bytes(b"source")
    answer = builder.run(platform=PLATFORM, local_archive=str(archive))
    assert Path(answer["path"]).read_text() == "wheels"
    assert builder.calls[0]["destination"] == FOLDER
    assert builder.calls[0]["archive_name"] == "shop.tar.gz"
    again = builder.run(platform=PLATFORM)
    assert (again["changed"], again["path"]) == (False, answer["path"])
    assert len(builder.calls) == 1


def test_check_mode_asks_nobody(tmp_path: Path) -> None:
    builder = Builder(wheelhouse.ActionModule, tmp_path)
    assert builder.run(platform=PLATFORM, check_mode=True)["changed"]


def test_failed_build_names_the_builder(tmp_path: Path) -> None:
    builder = Builder(wheelhouse.ActionModule, tmp_path, {"failed": True, "msg": "no gcc"})
    assert builder.run(platform=PLATFORM)["msg"] == "on the builder build1: no gcc"


def test_damaged_archive_is_refused(tmp_path: Path, made: dict[str, Any]) -> None:
    builder = Builder(wheelhouse.ActionModule, tmp_path, made | {"sha256": "0" * 64})
    assert "it was damaged on its way" in builder.run(platform=PLATFORM)["msg"]
    assert Stock(str(tmp_path), PLATFORM).told("shop", "1") is None


def test_host_gets_the_wheels_and_no_credentials(tmp_path: Path, made: dict[str, Any]) -> None:
    archive = stocked(tmp_path, made)
    host = Builder(release.ActionModule, tmp_path, {"changed": True})
    host.run(
        cache=None,
        wheelhouse_cache=str(tmp_path),
        platform=PLATFORM,
        index="https://ci:s3cret@mirror.example.com/simple",
    )
    assert host.sent == [archive]
    (call,) = host.calls
    assert call["wheelhouse"]["archive"] == f"{FOLDER}/1.tar"
    assert call["wheelhouse"]["wheels"] == WHEELS
    assert "s3cret" not in json.dumps(call)


def test_host_that_has_the_wheels_is_sent_none(tmp_path: Path, made: dict[str, Any]) -> None:
    stocked(tmp_path, made)
    host = Builder(release.ActionModule, tmp_path, {"changed": True})
    host.run(wheelhouse_cache=str(tmp_path), platform=PLATFORM, wheelhouses=["d"])
    assert host.sent == []
    assert "archive" not in host.calls[0]["wheelhouse"]


def test_host_for_which_nothing_was_built_is_refused(tmp_path: Path) -> None:
    host = Builder(release.ActionModule, tmp_path)
    told = host.run(wheelhouse_cache=str(tmp_path), platform=PLATFORM)["msg"]
    assert told.startswith(f"the controller has no wheels of 1 for {PLATFORM}")


def test_uv_comes_from_the_wheel_that_a_builder_brought(tmp_path: Path) -> None:
    name = "uv-1.0-py3-none-manylinux_2_17_x86_64.whl"
    options: dict[str, Any] = {"platform": PLATFORM, "version": "1.0"}
    host = Builder(uv.ActionModule, tmp_path, {"changed": True}, {"changed": True})
    assert "no wheel of uv" in host.run(**options)["msg"]
    builder = Builder(wheelhouse.ActionModule, tmp_path, {"changed": True, "file": name})
    builder.run(state="uv", uv_version="1.0", platform=PLATFORM)
    host.run(**options)
    assert host.calls[0]["wheel"] == f"{FOLDER}/{name}"
    # Without a cache, pip brings it.
    host.run(**options, cache="")
    assert "wheel" not in host.calls[1]
