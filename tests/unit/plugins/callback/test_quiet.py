"""The quiet output as a person runs it: a real run, whose every line counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]

PLAYBOOK = """
- hosts: all:!all
- hosts: "{{ target | default('localhost') }}"
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.assert: {that: true}
    - asgi.fleet.show: {lines: ['{"a": 1}']}
    - ansible.builtin.fail: {msg: not told}
      ignore_errors: true
    - ansible.builtin.fail: {msg: "the {{ item }} item"}
      loop: [second]
      when: loops | default(false) | bool
    - ansible.builtin.fail: {msg: "what went wrong\\e[2J"}
      when: fails | default(false) | bool
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    playbook = folder / "playbook.yml"
    playbook.write_text(PLAYBOOK)
    return subprocess.run(
        [
            Path(sys.executable).parent / "ansible-playbook",
            "-i",
            "localhost,",
            playbook,
            *arguments,
        ],
        cwd=ROOT,
        env=os.environ
        | {
            "ANSIBLE_STDOUT_CALLBACK": "asgi.fleet.quiet",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_quiet_prints_what_is_shown_and_nothing_else(tmp_path: Path) -> None:
    ended = run(tmp_path)
    assert (ended.returncode, ended.stdout.split("\n")) == (0, ["", '{"a": 1}', ""])
    assert ended.stderr == ""


def test_quiet_prints_what_failed(tmp_path: Path) -> None:
    ended = run(tmp_path, "-e", "fails=true")
    assert ended.returncode != 0
    assert "localhost: failed: what went wrong\\x1b[2J" in ended.stderr
    assert "not told" not in ended.stdout + ended.stderr


def test_quiet_prints_which_item_of_a_loop_failed(tmp_path: Path) -> None:
    ended = run(tmp_path, "-e", "loops=true")
    assert "localhost: failed: the second item\n" in ended.stderr


def test_quiet_says_that_nothing_was_done(tmp_path: Path) -> None:
    ended = run(tmp_path, "-e", "target=all:!all")
    assert (ended.stdout, "no hosts matched" in ended.stderr) == ("", True)
