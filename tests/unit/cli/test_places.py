"""Where things are: the wheel's or the clone's, and whose settings count."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_fleet import places
from asgi_fleet.line import Line
from asgi_fleet.places import Copy

ROOT = Path(__file__).resolve().parents[3]
CHECK = Line("playbooks/check.yml", ("-i", "web1,"), ("--syntax-check",))


def wheel(folder: Path) -> Copy:
    package = folder / "asgi_fleet"
    (package / "collections").mkdir(parents=True)
    return Copy.found(package)


def test_clone_is_used_in_a_clone() -> None:
    copy = Copy.found()
    assert copy.playbooks == ROOT / "playbooks"
    assert copy.settings == ROOT / "ansible.cfg"
    assert (copy.collections / "ansible_collections/asgi/fleet").resolve() == ROOT


def test_wheel_uses_what_it_holds(tmp_path: Path) -> None:
    copy = wheel(tmp_path)
    inside = tmp_path / "asgi_fleet"
    assert copy.playbooks == inside / "collections/ansible_collections/asgi/fleet/playbooks"
    assert copy.settings == inside / "ansible.cfg"
    assert places.arguments(CHECK, copy)[1:] == [
        *("-i", "web1,", str(copy.playbooks / "check.yml"), "--syntax-check")
    ]


def test_own_collections_are_found_after_the_wheels(tmp_path: Path) -> None:
    copy = wheel(tmp_path)
    told = copy.environment({"ANSIBLE_COLLECTIONS_PATH": "/mine"}, tmp_path)
    assert told["ANSIBLE_COLLECTIONS_PATH"] == f"{copy.collections}:/mine"
    told = copy.environment({}, tmp_path)
    assert told["ANSIBLE_COLLECTIONS_PATH"].endswith(f":{places.USUAL_COLLECTIONS}")


def test_settings_are_ours_unless_the_user_has_some(tmp_path: Path) -> None:
    copy, home, here = wheel(tmp_path), tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    told = {"HOME": str(home)}
    assert copy.environment(told, here)["ANSIBLE_CONFIG"] == str(copy.settings)
    (here / "ansible.cfg").touch()
    assert "ANSIBLE_CONFIG" not in copy.environment(told, here)
    # Ansible does not read it there.
    here.chmod(0o777)
    assert "ANSIBLE_CONFIG" in copy.environment(told, here)
    (home / ".ansible.cfg").touch()
    assert "ANSIBLE_CONFIG" not in copy.environment(told, here)
    assert copy.environment({"ANSIBLE_CONFIG": "/mine"}, here)["ANSIBLE_CONFIG"] == "/mine"


def test_paths_are_whole_outside_of_a_clone(tmp_path: Path) -> None:
    assert places.path_in_clone("inventory/../a", tmp_path) == str(tmp_path / "a")
    assert places.path_in_clone("inventory/a", ROOT) == "inventory/a"


def test_inventory_is_the_given_one_or_the_usual_one(tmp_path: Path) -> None:
    assert places.chosen_inventory(["a", "b"], {}, tmp_path) == ("a", "b")
    assert places.chosen_inventory([], {"ANSIBLE_INVENTORY": "c"}, tmp_path) == ()
    with pytest.raises(LookupError, match=r"not there; expected an inventory; type: asgi-fleet"):
        places.chosen_inventory([], {"HOME": str(tmp_path)}, tmp_path)
    (tmp_path / "inventory" / "production").mkdir(parents=True)
    assert places.chosen_inventory([], {}, tmp_path) == ("inventory/production",)


def test_inventory_may_be_one_of_the_users_settings(tmp_path: Path) -> None:
    assert places.chosen_inventory([], {"ANSIBLE_CONFIG": "/mine"}, tmp_path) == ()


def test_program_is_the_one_of_this_environment() -> None:
    assert Path(places.program()).parent == Path(sys.executable).parent


def test_status_of_a_run_is_that_of_ansible_playbook() -> None:
    assert places.run(CHECK, Copy.found()) == 0
    broken = Line("playbooks/check.yml", after=("--no-such-option",))
    assert places.run(broken, Copy.found()) == 2


def test_status_that_a_playbook_wrote_counts(tmp_path: Path) -> None:
    file = tmp_path / "status"
    assert places.written_status(file, 2) == 2
    file.write_text("3\n")
    assert places.written_status(file, 0) == 3
    file.write_text("nonsense")
    assert places.written_status(file, 4) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_is_answered_by_the_program_and_not_by_the_command(
    number: signal.Signals, tmp_path: Path
) -> None:
    """A program that ends with 7 on the signal; the command waits for it."""
    program = tmp_path / "ansible-playbook"
    program.write_text(
        f"#!{sys.executable}\nimport os, signal, sys, time\n"
        f"signal.signal({number.value}, lambda *_: sys.exit(7))\n"
        "print('up', flush=True)\ntime.sleep(30)\n"
    )
    program.chmod(0o755)
    code = (
        "import sys; from asgi_fleet import places; from asgi_fleet.line import Line; "
        f"places.program = lambda: {str(program)!r}; "
        "sys.exit(places.run(Line('playbooks/check.yml'), places.Copy.found()))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "cli")},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    # A terminal sends it to the whole group.
    send = os.killpg if number is signal.SIGINT else os.kill
    send(process.pid, number)
    assert process.wait(timeout=20) == 7
