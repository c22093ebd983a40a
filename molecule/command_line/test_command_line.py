"""A new machine and a bare host: what the page has somebody type, and what comes of it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from events import Shop

from tests.typed import HOST, WHEEL, lines_below

SCENARIO = Path(__file__).parent
#: The story has to stay as short as the page promises.
MOST_LINES = 10

Laptop = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("command_line")
    return Shop.connected(folder, SCENARIO / "inventory", "bare1")


@pytest.fixture(scope="session")
def address(shop: Shop) -> str:
    """The address of the bare host, as the laptop reaches it."""
    return shop.shell("hostname -I", "bare1").split()[0]


@pytest.fixture(scope="session")
def laptop(shop: Shop) -> Laptop:
    """A shell of the laptop, in which a failing line ends the script."""

    def run(script: str) -> subprocess.CompletedProcess[str]:
        # What `uv tool update-shell` and a new log-in bring.
        told = f"export PATH=$HOME/.local/bin:$PATH\n{script}"
        command = [*shop.ssh["laptop"], f"bash -e -c {shlex.quote(told)}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)

    return run


@pytest.fixture(scope="session")
def story(laptop: Laptop, address: str) -> str:
    """Type the lines of the page; return all that was printed."""
    lines = lines_below("From nothing to HTTPS")
    typed = "\n".join(lines).replace(HOST, address)
    # Nobody is there to answer whether the host is to be trusted.
    typed = typed.replace("ssh root@", "ssh -o StrictHostKeyChecking=accept-new root@")
    started = time.monotonic()
    ended = laptop(f"exec 2>&1; cd /root; PS4='typed: '; set -x\n{typed}")
    seconds = time.monotonic() - started
    assert ended.returncode == 0, ended.stdout[-8000:]
    print(f"{len(lines)} lines typed, {seconds:.0f} s")
    return ended.stdout


def test_page_has_few_lines_to_type_and_names_the_wheel() -> None:
    lines = lines_below("From nothing to HTTPS")
    assert 3 < len(lines) < MOST_LINES
    assert WHEEL in lines[0]


def test_lines_of_the_page_end_at_an_answer_over_https(story: str) -> None:
    told = re.findall(r'^\{.*"app":"shop".*\}$', story, re.MULTILINE)
    assert told, story[-4000:]
    assert json.loads(told[-1])["slot"] in ("blue", "green")


def test_each_command_says_what_it_stands_for(story: str) -> None:
    inventory = "-i /root/shop/inventory/production"
    for playbook in ("playbooks/check.yml", "deploy.yml"):
        assert f"\nansible-playbook {inventory} {playbook}\n" in story


def test_init_refuses_to_write_over_the_inventory(story: str, laptop: Laptop) -> None:
    ended = laptop(f"cd shop; asgi-fleet init --yes --source ../app --host {HOST}")
    assert ended.returncode == 2, story[-1]
    assert "inventory/production is there already; expected a folder to make" in ended.stderr


@pytest.mark.parametrize("command", ["status", "verify"])
def test_json_is_alone_on_stdout(command: str, story: str, laptop: Laptop) -> None:
    ended = laptop(f"cd shop; asgi-fleet {command} --json -v")
    assert isinstance(json.loads(ended.stdout), dict), (story[-1], ended.stdout)
    assert f"playbooks/{command}.yml -e {command}_format=json -v\n" in ended.stderr


def test_exit_status_is_that_of_the_playbook(story: str, laptop: Laptop) -> None:
    ended = laptop("cd shop; asgi-fleet rollback nothing-like-that")
    assert ended.returncode not in (0, 1), (story[-1], ended.stdout, ended.stderr)
    assert "nothing-like-that" in ended.stdout


def test_what_stands_behind_two_dashes_goes_to_ansible_playbook(story: str, laptop: Laptop) -> None:
    ended = laptop("cd shop; asgi-fleet status -- --list-hosts")
    assert ended.returncode == 0, (story[-1], ended.stderr)
    assert "web1" in ended.stdout


def test_wheel_runs_without_being_installed(laptop: Laptop) -> None:
    ended = laptop(f"uvx --quiet --from ./{WHEEL} asgi-fleet --version")
    assert re.fullmatch(r"asgi-fleet \S+, ansible-core 2\.\d+\.\d+\n", ended.stdout), ended.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_valid_in_its_shell(shell: str, story: str, laptop: Laptop) -> None:
    ended = laptop(f"asgi-fleet completion {shell} > /tmp/completion; {shell} -n /tmp/completion")
    assert ended.returncode == 0, (story[-1], ended.stderr)


def test_completion_knows_the_commands(story: str, laptop: Laptop) -> None:
    asked = "COMP_WORDS='asgi-fleet ro' COMP_CWORD=1 _ASGI_FLEET_COMPLETE=bash_complete"
    ended = laptop(f"{asked} asgi-fleet")
    assert ended.stdout.split(",")[-1].strip() == "rollback", (story[-1], ended.stderr)


def test_run_ends_with_the_status_of_its_command(story: str, laptop: Laptop) -> None:
    ended = laptop("cd shop; asgi-fleet run -- sh -c 'echo \"{{ said }} $FLEET_APP\"; exit 3'")
    assert ended.returncode == 3, (story[-1], ended.stdout, ended.stderr)
    assert "{{ said }} shop" in ended.stdout
