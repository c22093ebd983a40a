"""A drill on the controller: what is refused, what a playbook is called with, and the scorecard."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants, context
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible.utils import vars as ansible_vars
from ansible.utils.context_objects import CLIArgs
from ansible_collections.asgi.fleet.plugins.action import drill_control
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.exercises import EXERCISES
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.playing import Played

from tests.unit.plugins.plugin_utils.drill.test_card import NEW, OLD, load, state

BY_NAME = {one.name: one.as_dict() for one in EXERCISES}
HOSTS = ("web1", "web2")
DEPLOYMENT = {
    "app_name": "shop",
    "fleet_drill_allowed": True,
    "fleet_waves": [1, "100%"],
    "health_host": "shop.example.com",
    "health_url_path": "/healthz",
}


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(folder))
    monkeypatch.setattr(drill_control.display, "display", lambda _text: None)
    return folder


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that are only noted, and succeed."""
    calls: list[list[str]] = []

    def play(command: Sequence[str], _environment: Mapping[str, str], log: Path) -> Played:
        calls.append(list(command))
        log.write_text("what it printed\n")
        return Played(0, 1.5)

    monkeypatch.setattr(drill_control, "play", play)
    return calls


def typed(monkeypatch: pytest.MonkeyPatch, *options: str, **more: object) -> None:
    """Set the command line; `options` is what stands after each -e."""
    given = {"extra_vars": options, "inventory": ("staging",), **more}
    monkeypatch.setattr(context, "CLIARGS", CLIArgs(given))
    # Ansible keeps what it has read.
    monkeypatch.delattr(ansible_vars.load_extra_vars, "extra_vars", raising=False)


def step(name: str, known: Mapping[str, object] | None = None, **options: object) -> dict[str, Any]:
    """Do a step; `known` is what every host has registered."""
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.drill_control"})
    task.args = {"step": name, "hosts": list(HOSTS), **options}
    action = drill_control.ActionModule(
        task=task,
        connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    host = {"deployment": DEPLOYMENT, "rollout_holder": "ada@laptop", **(known or {})}
    variables = {"hostvars": dict.fromkeys(HOSTS, host), "groups": {"app": HOSTS}, **host}
    return dict(action.run(task_vars=variables | {"ansible_inventory_sources": []}))


def checked(monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[str, Any]:
    typed(monkeypatch, "drill=shop", *options)
    return step("checked")


def test_the_canary_loads_and_the_last_host_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checked(monkeypatch, "drill_only=kills")
    assert (found["loader"], found["victim"], found["canary"]) == ("web1", "web2", ["web1"])
    assert [one["name"] for one in found["servers"]] == ["web1", "web2"]
    assert found["path"] == "/healthz"
    assert found["lines"][0].endswith("of shop on web1, web2: kill_worker, kill_master")


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "drill=other", "drill_rate=0", ask_pass=True)
    told = step("checked")["msg"]
    for text in ("drill is other", "drill_rate is 0", "-k (--ask-pass) is given"):
        assert text in told


def test_a_release_is_made_of_the_live_one(
    monkeypatch: pytest.MonkeyPatch, played: list[list[str]], scratch: Path
) -> None:
    request = checked(monkeypatch)
    source = scratch / "main.py"
    source.write_text("app = None\n")
    with tarfile.open(request["archive"], "w:gz") as archive:
        archive.add(source, "./main.py")
    known = {
        "drill_packed": {"archive": request["archive"], "project": ""},
        "drill_look": {"found": {"module": "main:app"}},
    }
    exercise = BY_NAME["bad_start"]
    answer = step("played", known, request=request, exercise=exercise, release=OLD)
    assert answer["played"]["rc"] == 0
    assert answer["played"]["end"] == "what it printed"
    # It printed nothing of a start that failed.
    assert answer["played"]["meant"] is False
    (words,) = played
    assert words[4].endswith("/playbooks/release.yml")
    assert "--inventory=staging" in words
    variables = json.loads(words[-1].removeprefix("--extra-vars="))
    path = variables["app_source"].pop("path")
    assert Path(path).name.startswith("asgi-fleet-drill-")
    assert variables == {
        "app_source": {"type": "archive"},
        "app_module": "main:app",
        "fleet_allow_older": True,
        "fleet_notify": [],
        "app_releases_kept": 100,
    }


@pytest.mark.parametrize(
    ("name", "known", "reason"),
    [
        ("bad_start", {"drill_packed": {"msg": "made of a package"}}, "made of a package"),
        ("full_disk", {"drill_fault": {"failed": True, "msg": "too large"}}, "too large"),
    ],
)
def test_what_cannot_be_done_is_skipped_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
    played: list[list[str]],
    name: str,
    known: dict[str, object],
    reason: str,
) -> None:
    request, exercise = checked(monkeypatch), BY_NAME[name]
    choice = step("chosen", request=request, exercise=exercise)
    given = {"request": request, "exercise": exercise, "choice": choice}
    answer = step("played", known, **given)
    assert answer["skipped_because"] == reason
    assert played == []
    row = step("judged", {**known, "drill_played": answer}, **given)["row"]
    assert (row["result"], row["seen"]) == ("skipped", [reason])


def test_an_exercise_that_passes_lets_the_next_one_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    request, exercise = checked(monkeypatch), BY_NAME["kill_master"]
    choice = step("chosen", request=request, exercise=exercise)
    assert choice["hosts"] == ["web2"]
    known = {
        "drill_fault": {"healed": 2.5},
        "drill_load": {"load": load()},
        "drill_logged": {"logged": {"requests": 100, "failed": 0}},
        "drill_before": state(),
        "fleet_look": {"state": state()},
    }
    given = {"request": request, "exercise": exercise, "choice": choice}
    answer = step("judged", known, **given)
    assert answer["row"]["result"] == "passed"
    assert answer["row"]["healed"] == 2.5
    assert answer["stop"] == ""
    # One that leaves another release live ends the drill: each further row says so.
    answer = step("judged", {**known, "fleet_look": {"state": state(NEW)}}, **given)
    assert answer["row"]["result"] == "FAILED"
    why = answer["stop"]
    assert why.startswith("after kill_master the fleet was not as expected")
    choice = step("chosen", request=request, exercise=exercise, why=why)
    answer = step("judged", known, request=request, exercise=exercise, choice=choice)
    assert (answer["row"]["result"], answer["stop"]) == ("not done", why)


@pytest.mark.parametrize(("live", "calls"), [(OLD, 0), (NEW, 1)])
def test_the_release_that_was_live_is_returned_to(
    monkeypatch: pytest.MonkeyPatch, played: list[list[str]], live: str, calls: int
) -> None:
    request = checked(monkeypatch)
    step("mended", {"fleet_look": {"state": state(live)}}, request=request, release=OLD)
    assert len(played) == calls
    for words in played:
        assert words[4].endswith("/playbooks/rollback.yml")
        assert json.loads(words[-1].removeprefix("--extra-vars="))["release"] == OLD


def test_the_scorecard_is_kept_with_the_output_of_playbooks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scratch: Path
) -> None:
    request = checked(monkeypatch, "drill_only=kills")
    (scratch / f"{request['id']}-restart.log").write_text("what it printed\n")
    folder = tmp_path / "reports"
    known = {
        "drill_before": state(),
        "fleet_look": {"state": state()},
        "drill_cleared": {"removed": []},
    }
    given = {"request": request, "release": OLD, "directory": str(folder), "rows": []}
    answer = step("closed", known, **given)
    # What was not come to is no success.
    assert answer["failure"] == ("the drill failed (not done: kill_worker, kill_master); see above")
    (path,) = folder.glob("*-shop.json")
    document = json.loads(path.read_text())
    assert (document["passed"], document["who"], document["left"]) == (False, "ada@laptop", [])
    assert (folder / path.stem / "restart.log").read_text() == "what it printed\n"
    assert path.with_suffix(".txt").read_text().startswith("EXERCISE")
    known["drill_cleared"] = {"failed": True, "msg": "it is live"}
    answer = step("closed", known, **given)
    assert "the fleet is not as it was" in answer["failure"]
    assert "  web1 is not cleared: it is live" in answer["lines"]


def test_a_fleet_that_is_not_well_is_refused() -> None:
    known = {"fleet_look": {"state": state(workers=[])}}
    assert step("ready", known)["msg"].startswith("the fleet is not well: web1 has 0 of 2 workers")
