"""Who is told of the end of a run, as a person runs it: real playbooks, on hosts out of reach."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.listeners import Heard, broken, listening, silent

ROOT = Path(__file__).resolve().parents[4]
TOKEN = "the-token-of-the-hook"
SECRET = "a-secret-of-the-application"


class Fleet:
    """An inventory whose hosts are not there, and the playbooks run with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = {
            "app_name": "shop",
            "app_source": {"type": "path", "path": f"{ROOT}/app"},
            "app_domain": "shop.example.com",
            "app_secrets": {"API_TOKEN": SECRET},
            "ansible_port": 9,
            "ansible_ssh_common_args": "-o BatchMode=yes -o StrictHostKeyChecking=no",
        }
        self.groups: dict[str, Any] = {
            "app": {"hosts": {f"web{n}": {"ansible_host": f"127.0.0.{n}"} for n in (1, 2)}}
        }

    def hook(self, heard: Heard, **changes: object) -> dict[str, Any]:
        url = f"http://127.0.0.1:{heard.port}/{TOKEN}"
        return {"type": "webhook", "format": "json", "url": url, "timeout_seconds": 1, **changes}

    def command(self, playbook: str, *arguments: str) -> list[str]:
        inventory = self.folder / "hosts.yml"
        self.groups["app"]["vars"] = self.settings
        inventory.write_text(yaml.safe_dump(self.groups))
        ansible = Path(sys.executable).parent / "ansible-playbook"
        return [str(ansible), "-i", str(inventory), f"playbooks/{playbook}.yml", *arguments]

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in os.environ if "proxy" not in name.lower()}
        return kept | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            # The screen of a rollout has a Ctrl-C of its own.
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_SSH_RETRIES": "0",
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    def run(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(playbook, *arguments),
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
        )


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_failure_of_a_playbook_is_told_once_and_with_its_reason(fleet: Fleet) -> None:
    with listening() as heard:
        fleet.settings["fleet_notify"] = [fleet.hook(heard)]
        ended = fleet.run("drain", "--limit", "web1", "-vvv")
    assert ended.returncode == 2
    assert TOKEN not in ended.stdout
    assert SECRET not in ended.stdout
    (event,) = heard.documents
    assert (event["event"], event["kind"], event["app"]) == ("failed", "drain", "shop")
    assert event["hosts"] == ["web1"]
    assert event["detail"][0].startswith("web1: the group balancer is empty; expected")
    assert event["text"].startswith("shop: drain failed on web1 (")
    assert SECRET not in heard.bodies[0]


def test_hosts_of_which_none_answers_are_told_of(fleet: Fleet) -> None:
    with listening() as heard:
        fleet.settings["fleet_notify"] = [fleet.hook(heard)]
        ended = fleet.run("restart")
    assert ended.returncode == 4
    (event,) = heard.documents
    assert (event["event"], event["kind"]) == ("failed", "restart")
    assert event["hosts"] == ["web1", "web2"]
    assert "did not answer" in event["detail"][0]


def test_begin_is_told_to_who_wants_it(fleet: Fleet) -> None:
    with listening() as heard:
        fleet.settings["fleet_notify"] = [fleet.hook(heard, events=["begin"])]
        fleet.run("drain", "--limit", "web1")
    (event,) = heard.documents
    assert event["text"].startswith("shop: drain begins on web1 (")


def test_refused_inputs_tell_nobody(fleet: Fleet) -> None:
    with listening() as heard:
        fleet.settings |= {"fleet_notify": [fleet.hook(heard)], "app_workers": 0}
        assert fleet.run("drain", "--limit", "web1").returncode == 2
    assert heard.bodies == []


def test_check_mode_tells_nobody(fleet: Fleet) -> None:
    with listening() as heard:
        fleet.settings["fleet_notify"] = [fleet.hook(heard, events=["begin", "failed", "end"])]
        fleet.run("drain", "--limit", "web1", "--check")
    assert heard.bodies == []


def test_targets_that_fail_are_named_and_change_nothing_else(fleet: Fleet) -> None:
    with listening(silent) as slow, listening(broken) as bad, listening() as heard:
        fleet.settings["fleet_notify"] = [
            fleet.hook(slow, name="ops-slow"),
            fleet.hook(bad, name="ops-bad"),
            fleet.hook(heard, name="ops-good"),
        ]
        ended = fleet.run("drain", "--limit", "web1", "-vvv")
    assert ended.returncode == 2
    assert "not told: ops-slow: no answer in 1 s\nnot told: ops-bad: status 500\n" in ended.stdout
    assert "ops-good" not in ended.stdout.partition("not told")[2]
    assert "the-token" not in ended.stdout
    assert len(heard.bodies) == 1


def test_targets_of_several_applications_are_told_once(fleet: Fleet) -> None:
    with listening() as shared, listening() as own:
        both, one = fleet.hook(shared), fleet.hook(own)
        fleet.settings["fleet_notify"] = [both]
        for name, host in (("blog", "web3"), ("wiki", "web4")):
            fleet.groups[name] = {
                "hosts": {host: {"ansible_host": f"127.0.0.{host[-1]}"}},
                "vars": {"app_name": name, "app_domain": f"{name}.example.com"},
            }
            fleet.groups["app"].setdefault("children", {})[name] = None
        fleet.groups["wiki"]["vars"]["fleet_notify"] = [one]
        fleet.groups["wiki"]["vars"]["app_secrets"] = {"OTHER": "the group balancer"}
        fleet.run("undrain")
    (event,) = shared.documents
    assert sorted(event["app"].split(", ")) == ["blog", "shop"]
    # The play fails for its first host, and for the others with it.
    assert [document["app"] for document in own.documents] == ["wiki"]
    assert "<OTHER>" in own.bodies[0]


def test_verify_tells_once_what_it_finds(fleet: Fleet) -> None:
    with listening() as heard:
        fleet.settings["fleet_notify"] = [fleet.hook(heard)]
        runs = [fleet.run("verify"), fleet.run("verify"), fleet.run("verify", "--limit", "web2")]
        assert [ended.returncode for ended in runs] == [2, 2, 2], runs[0].stdout
        told = [(document["event"], document["hosts"]) for document in heard.documents]
        # Fewer hosts are another question.
        assert told == [("failed", ["web1", "web2"]), ("failed", ["web2"])]
        event = heard.documents[0]
    assert (event["kind"], event["app"]) == ("verify", "shop")
    assert event["text"] == "shop: verify found 2 findings on web1, web2"
    assert "web1: did not answer" in event["detail"][0]
    assert "to do: make sure that it runs" in event["detail"][0]
    assert TOKEN not in "".join(path.read_text() for path in fleet.folder.rglob("state/**/*.json"))


def test_verify_that_reaches_nobody_tells_it_the_next_time(fleet: Fleet) -> None:
    with listening(broken) as bad:
        fleet.settings["fleet_notify"] = [fleet.hook(bad)]
        assert "not told: json: status 500" in fleet.run("verify").stdout
        fleet.run("verify")
        assert len(bad.bodies) == 2


def test_fleet_that_has_targets_and_no_callback_is_warned(fleet: Fleet) -> None:
    fleet.settings["fleet_notify"] = [{"type": "command", "command": ["true"]}]
    command = fleet.command("drain", "--limit", "web1")
    environment = fleet.environment() | {"ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.timer"}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    told = " ".join((ended.stdout + ended.stderr).split())
    assert "the callback asgi.fleet.told is not enabled" in told


@contextmanager
def deaf() -> Iterator[int]:
    """A port that takes connections, and says nothing: SSH waits there."""
    with socket.create_server(("", 0)) as server:
        held = []

        def accept() -> None:
            try:
                while True:
                    held.append(server.accept())
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        for connection, _address in held:
            connection.close()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 99), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_run_that_a_signal_ends_is_told(fleet: Fleet, number: signal.Signals, status: int) -> None:
    with listening() as heard, deaf() as port:
        fleet.settings |= {"fleet_notify": [fleet.hook(heard)], "ansible_port": port}
        process = subprocess.Popen(
            fleet.command("restart"),
            cwd=ROOT,
            env=fleet.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "begin | Lock the application" in line:
                break
        time.sleep(1)
        os.killpg(process.pid, number)
        process.communicate(timeout=30)
    assert process.returncode == status
    (event,) = heard.documents
    assert (event["event"], event["kind"]) == ("failed", "restart")
    assert event["detail"][0].startswith("interrupted")


def test_command_gets_what_a_web_hook_gets(fleet: Fleet, tmp_path: Path) -> None:
    fleet.settings["fleet_notify"] = [
        {"type": "command", "command": ["sh", "-c", f"cat > {tmp_path}/event"]}
    ]
    fleet.run("drain", "--limit", "web1")
    event = json.loads((tmp_path / "event").read_text())
    assert (event["event"], event["app"]) == ("failed", "shop")


def test_playbook_of_ones_own_tells_by_the_include(fleet: Fleet, tmp_path: Path) -> None:
    play = {
        "hosts": "app",
        "gather_facts": False,
        "vars": {"notify_events": [{"event": "end", "app": "shop", "hosts": ["web1"], "id": "7"}]},
        "tasks": [{"ansible.builtin.include_tasks": f"{ROOT}/playbooks/tasks/notify.yml"}],
    }
    playbook = [{"ansible.builtin.import_playbook": "asgi.fleet.check"}, play]
    (tmp_path / "own.yml").write_text(yaml.safe_dump(playbook))
    with listening() as heard:
        fleet.settings["fleet_notify"] = [fleet.hook(heard)]
        command = fleet.command("own", "-vvv")
        command[command.index("playbooks/own.yml")] = str(tmp_path / "own.yml")
        ended = subprocess.run(
            command, cwd=ROOT, env=fleet.environment(), capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert [event["id"] for event in heard.documents] == ["7"]
    assert TOKEN not in ended.stdout + ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
