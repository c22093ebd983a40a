"""The command as it is typed: what it prints where, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from asgi_fleet.commands import COMMANDS
from asgi_fleet.front import NAME
from tests.typed import PAGE
from tests.unit.cli.conftest import Typed

ROOT = Path(__file__).resolve().parents[3]
#: Nothing listens there: Ansible is refused at once.
NOBODY = {"ansible_host": "127.0.0.1", "ansible_port": 1}


def inventory(folder: Path, **variables: object) -> Path:
    """Write an inventory that the check accepts, of a host that does not answer."""
    (folder / "source").mkdir()
    (folder / "source" / "main.py").write_text("app = None\n")
    source = {"type": "path", "path": str(folder / "source")}
    shop = {"app_name": "shop", "app_domain": "a.example", "app_source": source}
    file = folder / "inventory" / "production" / "hosts.yml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"app": {"hosts": {"web1": NOBODY}, "vars": shop | variables}}))
    return file.parent


def test_help_lists_every_command(typed: Typed) -> None:
    told = typed("--help")
    assert told.returncode == 0
    listed = [line.split()[0] for line in told.stdout.splitlines() if line.startswith("  ")]
    assert {command.name for command in COMMANDS} | {"init", "completion"} <= set(listed)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_help_of_a_command_says_what_it_stands_for(command: object, typed: Typed) -> None:
    name, playbook = getattr(command, "name", ""), getattr(command, "playbook", "")
    told = typed(name, "-h")
    assert told.returncode == 0
    assert f"Usage: {NAME} {name} " in told.stdout
    assert f"Stands for: ansible-playbook {playbook}" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 100


def test_dry_run_prints_the_line_on_stderr_and_runs_nothing(typed: Typed, here: Path) -> None:
    folder = inventory(here)
    told = typed("drain", "web1", "--seconds", "5", "--dry-run", "--", "--forks", "3")
    assert told.stdout == ""
    assert told.stderr == (
        f"ansible-playbook -i {folder} playbooks/drain.yml --limit web1 -e drain_seconds=5 "
        "--forks 3\n"
    )


def test_line_that_is_printed_does_the_same_in_a_clone(typed: Typed, here: Path) -> None:
    inventory(here)
    told = typed("check", "-e", "app_workers=0")
    assert told.returncode == 2
    line = told.stderr.splitlines()[0]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    again = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=os.environ | {"PATH": path, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == told.returncode
    for output in (told.stdout + told.stderr, again.stdout + again.stderr):
        assert "app_workers is 0; expected auto or a number from 1 to 512" in output


@pytest.mark.parametrize("command", ["status", "verify"])
def test_json_is_alone_on_stdout(command: str, typed: Typed, here: Path) -> None:
    inventory(here)
    told = typed(command, "--json", "-vv")
    assert told.returncode != 0, "the host does not answer"
    assert "web1" in json.dumps(json.loads(told.stdout))


def test_file_is_written_where_it_was_meant(typed: Typed, here: Path) -> None:
    inventory(here)
    typed("status", "--file", "state.json")
    assert isinstance(json.loads((here / "state.json").read_text()), dict)


def test_line_of_a_message_works_with_the_command_in_the_place_of_the_playbook(
    typed: Typed, here: Path
) -> None:
    """Messages name `ansible-playbook playbooks/X.yml ...`: `asgi-fleet X ...` is the same."""
    inventory(here)
    for options, line in (
        (("undrain", "--limit", "web2"), "playbooks/undrain.yml --limit web2"),
        (("maintenance", "-e", "maintenance=on"), "playbooks/maintenance.yml -e maintenance=on"),
        (("run", "-e", "command=date"), "playbooks/run.yml -e command=date"),
        (("remove", "-e", "remove=shop"), "playbooks/remove.yml -e remove=shop"),
    ):
        assert typed(*options, "--dry-run").stderr.endswith(f" {line}\n")


def test_page_says_what_commands_stand_for(typed: Typed, here: Path) -> None:
    folder = inventory(here)
    rows = re.findall(r"^\| `asgi-fleet (.+?)` \| `(.+?)` \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) > 4
    for command, line in rows:
        before, dashes, rest = command.partition(" -- ")
        told = typed(*before.split(), "--dry-run", *dashes.split(), *rest.split())
        assert told.stderr.replace(f" -i {folder}", "") == f"{line}\n"


def test_missing_inventory_is_refused_with_what_to_type(typed: Typed) -> None:
    told = typed("deploy")
    assert told.returncode == 2
    assert (
        "the inventory is not given, and inventory/production is not there; expected an "
        "inventory; type: asgi-fleet init, or add -i <inventory>"
    ) in told.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("maintenance", "perhaps"), "'perhaps' is not one of 'on', 'off'"),
        (("run", "date"), "Got unexpected extra argument (date)"),
        (("run", "--seconds", "soon", "--", "date"), "'soon' is not a valid integer"),
        (("releas",), "No such command 'releas'"),
        (("release", "--json"), "No such option"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: tuple[str, ...], sentence: str, typed: Typed, here: Path
) -> None:
    inventory(here)
    told = typed(*arguments)
    assert told.returncode == 2
    assert sentence in told.stderr


def test_version_names_the_engine(typed: Typed) -> None:
    assert "ansible-core 2." in typed("--version").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_valid(shell: str, typed: Typed, tmp_path: Path) -> None:
    told = typed("completion", shell)
    assert told.returncode == 0
    assert "_ASGI_FLEET_COMPLETE" in told.stdout
    script = tmp_path / "completion"
    script.write_text(told.stdout)
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)


def test_completion_asks_this_command() -> None:
    """What bash runs at a tab, and what it gets."""
    asked = {"COMP_WORDS": "asgi-fleet undr", "COMP_CWORD": "1"}
    told = subprocess.run(
        [sys.executable, "-m", "asgi_fleet"],
        env={**asked, "_ASGI_FLEET_COMPLETE": "bash_complete", "PYTHONPATH": str(ROOT / "cli")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "plain,undrain\n"


def test_completion_is_quick_since_nothing_of_ansible_is_read() -> None:
    code = (
        "import sys, asgi_fleet.front; print([m for m in sys.modules if m.startswith('ansible')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "cli")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "[]\n"
