"""asgi.fleet.rollout in real runs: whole errors, questions, signals, a terminal left sane."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.unit.plugins.callback.runs import (
    ANSIBLES,
    ESCAPES,
    OURS,
    command,
    environment,
    in_terminal,
    piped,
    typed,
)

HEAD = """
- name: Try things
  hosts: all
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
"""

#: Every way in which something goes wrong.
ERRORS = (
    HEAD
    + r"""
    - name: Fail in two lines
      ansible.builtin.fail: {msg: "the first line\nthe second line"}
      ignore_errors: true
    - name: Run a command that fails
      ansible.builtin.shell: |
        echo said on stdout; echo said on stderr >&2; exit 3
      ignore_errors: true
    - name: Use what is not there
      ansible.builtin.set_fact: {a: "{{ not_there }}"}
      ignore_errors: true
    - name: Warn and fail
      warns: {fails: true}
      ignore_errors: true
    - name: Warn only
      warns:
    - name: Crash
      crashes:
      ignore_errors: true
    - name: Fail for an item
      ansible.builtin.fail: {msg: "not {{ item }}"}
      loop: [one thing, another thing]
      ignore_errors: true
    - name: Compare
      ansible.builtin.assert: {that: 1 == 2, fail_msg: "1 is 1; expected 2"}
      ignore_errors: true
    - name: Have no answer
      ansible.builtin.ping:
      vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
      ignore_unreachable: true
    - name: Fail for good
      ansible.builtin.command: {argv: [ls, /does/not/exist]}
"""
)
WARNS = """
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"fails": {"type": "bool", "default": False}})
module.warn("this is deprecated by nobody")
module.deprecate("the option is old", version="9.0.0", collection_name="asgi.fleet")
if module.params["fails"]:
    module.fail_json(msg="it failed after a warning", hint="the hint of it")
module.exit_json()
"""


COPY = (
    HEAD
    + """
    - ansible.builtin.copy: {content: a, dest: "{{ playbook_dir }}/file", mode: "0644"}
"""
)


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    return tmp_path / "playbook.yml"


def errors(playbook: Path) -> None:
    playbook.write_text(ERRORS)
    library = playbook.parent / "library"
    library.mkdir()
    (library / "warns.py").write_text(WARNS)
    (library / "crashes.py").write_text(
        "#!/usr/bin/python\nraise RuntimeError('a bug of the module')\n"
    )


def told(output: str) -> set[str]:
    """Lines of Ansible's own output that say something of an error or a warning."""
    lines: set[str] = set()
    for line in ESCAPES.sub("", output).splitlines():
        text = line.strip()
        if re.match(r"(PLAY|TASK|ok:|changed:|skipping:|web\d +:|\.\.\.ignoring|<<<)", text):
            continue
        # How Ansible's own output begins a message, whose links are lines of their own in ours.
        text = re.sub(r"^\[\w+[\w ]*\]: (?:(?:Task|Module|Action) failed: )*", "", text)
        text = re.sub(r"^(fatal|failed): \[.*?(FAILED!|UNREACHABLE!)? => *", "", text)
        text = re.sub(r"^(changed|failed|unreachable): (true|false)$", "", text)
        text = re.sub(r"^(msg|(module_)?std(err|out)|exception): (\|-)?", "", text)
        text = re.sub(r"'?(start|end|delta|pid|\d\d:)\S*: .*|^std(err|out)_lines.*", "", text)
        # As YAML quotes it.
        text = text.strip().strip("'\"").replace("''", "'")
        if text not in ("", "[]", "<omitted>", "Task failed."):
            lines.add(text)
    return lines


def test_nothing_of_an_error_is_missing(playbook: Path) -> None:
    errors(playbook)
    known = piped(playbook, callback=ANSIBLES)
    ours = piped(playbook)
    assert known.returncode == ours.returncode == 2
    expected = told(known.stdout + known.stderr)
    # It finds what it looks for.
    for text in ("the second line", "said on stderr", "the hint of it", "deprecated by nobody"):
        assert any(text in line for line in expected), text
    everything = re.sub(r"\d+", "0", (ours.stdout + ours.stderr).replace("''", "'"))
    # What Ansible joins in one line, and times in names of temporary files.
    parts = {
        part.strip()
        for line in expected
        for part in re.split(r": |(?<=found) (?=See)", re.sub(r"\d+", "0", line))
    }
    parts.discard("Action failed.")
    assert [part for part in sorted(parts) if part not in everything] == []


def test_secret_of_a_task_that_is_not_logged_is_not_shown(playbook: Path) -> None:
    """Ansible's own output has it, as the exception of the task (ansible-core 2.21.5)."""
    playbook.write_text(
        HEAD
        + """
    - name: Tell no secret
      ansible.builtin.fail: {msg: "{{ 'the' }} secret"}
      no_log: true
"""
    )
    ours = piped(playbook)
    assert ours.returncode == 2
    assert "web1, web2: failed: Tell no secret" in ours.stdout
    assert "the secret" not in ours.stdout + ours.stderr


def test_error_of_several_hosts_is_shown_once(playbook: Path) -> None:
    errors(playbook)
    ours = piped(playbook).stdout
    assert ours.count("  the second line") == 1
    assert "web1, web2: failed, ignored: Fail in two lines" in ours
    assert "web1, web2: failed, ignored: Fail for an item (one thing)" in ours
    assert "web1, web2: failed: Fail for good" in ours


def test_recap_is_that_of_ansible(playbook: Path) -> None:
    errors(playbook)
    recap = r"(?ms)^PLAY RECAP \*+\n.*"
    [ours] = re.findall(recap, piped(playbook).stdout)
    [known] = re.findall(recap, piped(playbook, callback=ANSIBLES).stdout)
    assert ours == known


@pytest.mark.parametrize("options", [("-v",), ("--check",), ("-vv", "--diff")])
def test_output_is_that_of_ansible_where_everything_counts(
    playbook: Path, options: tuple[str, ...]
) -> None:
    playbook.write_text(COPY)

    def output(callback: str) -> str:
        (playbook.parent / "file").unlink(missing_ok=True)
        text = piped(playbook, *options, "--limit=web1", callback=callback).stdout
        # Names of temporary files, times and process ids; and which callback is which.
        lines = [line for line in text.splitlines() if "allback" not in line]
        return re.sub(r"\d+", "0", "\n".join(lines))

    assert output(OURS) == output(ANSIBLES)


def test_difference_of_a_file_is_shown_as_ansible_does(playbook: Path) -> None:
    playbook.write_text(COPY)
    ours = piped(playbook, "--diff", "--limit=web1").stdout
    assert "TASK [ansible.builtin.copy]" in ours
    assert "+a\n" in ours


def test_lines_have_plays_and_changes(playbook: Path) -> None:
    playbook.write_text(
        HEAD
        + """
    - name: Change something
      ansible.builtin.command: "true"
    - name: Change nothing
      ansible.builtin.command: "true"
      changed_when: false
    - asgi.fleet.show: {lines: [shown, too]}
      run_once: true
"""
    )
    lines = piped(playbook).stdout.splitlines()
    assert [re.sub(r"\d:\d\d", "0:00", line) for line in lines[:5]] == [
        "[0:00] play: Try things",
        "[0:00] changed: Change something (web1, web2)",
        "",
        "shown",
        "too",
    ]


def test_ci_gets_lines_in_a_terminal_too(playbook: Path) -> None:
    playbook.write_text(HEAD + "    - ansible.builtin.command: 'true'\n")
    seen = in_terminal(playbook, CI="true")
    assert "PLAY RECAP" in seen.text
    assert "\x1b[1A" not in seen.raw


def test_terminal_without_rich_gets_lines(playbook: Path) -> None:
    playbook.write_text(HEAD + "    - ansible.builtin.command: 'true'\n")
    hidden = playbook.parent / "hidden" / "rich"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not here')\n")
    seen = in_terminal(playbook, PYTHONPATH=str(hidden.parent))
    assert (seen.status, "PLAY RECAP" in seen.text) == (0, True)


def test_what_is_shown_stays_above_the_picture_in_order(playbook: Path) -> None:
    playbook.write_text(
        HEAD
        + """
    - asgi.fleet.show: {lines: [the first]}
      run_once: true
    - ansible.builtin.command: sleep 1
      changed_when: false
    - asgi.fleet.show: {lines: [the second]}
      run_once: true
    - name: Break
      ansible.builtin.fail: {msg: "a reason\\nand more"}
"""
    )
    seen = in_terminal(playbook)
    assert seen.status == 2
    last = seen.text.rindex("playbook  0:0")
    order = [seen.text.index(text) for text in ("the first\n", "the second\n", "a reason\n")]
    assert order == sorted(order)
    assert order[-1] < last
    assert "PLAY RECAP" not in seen.text
    assert seen.text.rstrip().endswith("nothing changed")
    assert "✗ playbook  0:0" in seen.text[last - 5 :]


def is_sane(raw: str) -> bool:
    """Whether the cursor was left visible."""
    return raw.rfind("\x1b[?25h") >= raw.rfind("\x1b[?25l")


def test_questions_have_the_terminal_for_themselves(playbook: Path) -> None:
    playbook.write_text(
        """
- name: Ask
  hosts: web1
  connection: local
  gather_facts: false
  vars_prompt: [{name: colour, prompt: Which colour, private: false}]
  tasks:
    - ansible.builtin.command: sleep 1
      changed_when: false
    - name: Ask again
      ansible.builtin.pause: {prompt: Which size}
      register: size
    - asgi.fleet.show: {lines: ["{{ colour }} {{ size.user_input }}"]}
"""
    )
    seen = in_terminal(
        playbook,
        answers=[("Which colour: $", typed("green\n")), ("Which size:\\s*$", typed("large\r"))],
    )
    assert seen.status == 0
    assert "green large" in seen.text
    assert is_sane(seen.raw)
    assert seen.echoes


ROLLOUT = (
    HEAD
    + """
    - ansible.builtin.set_fact:
        rollout_id: 20261128T101112-5f3a
        rollout_plan: {waves: {shop: [[web1], [web2]]}}
      run_once: true
      delegate_to: localhost
      delegate_facts: true
    - name: Take its time
      ansible.builtin.command: sleep 3
      changed_when: false
    - name: Go on after it
      ansible.builtin.command: sleep 2
      changed_when: false
"""
)


def interrupt(_terminal: int, process: int) -> None:
    # What a terminal does for Ctrl-C: a signal to the group in the foreground.
    os.killpg(process, signal.SIGINT)


def test_first_interrupt_of_a_rollout_does_not_end_it_at_once(playbook: Path) -> None:
    playbook.write_text(ROLLOUT)
    seen = in_terminal(playbook, answers=[("Take its time", interrupt)])
    assert seen.status == 0
    assert "Ctrl-C again stops at once" in seen.text
    assert "Go on after it" in seen.text[seen.text.index("Ctrl-C again") :]


def test_second_interrupt_of_a_rollout_ends_it_and_says_what_is_known(playbook: Path) -> None:
    playbook.write_text(ROLLOUT)
    seen = in_terminal(
        playbook, answers=[("Take its time", interrupt), ("Ctrl-C again stops", interrupt)]
    )
    assert seen.status == 99
    assert "not begun, on no release: web1, web2" in seen.text
    assert "playbooks/status.yml" in seen.text
    assert is_sane(seen.raw)
    assert seen.echoes


def test_interrupt_outside_of_a_rollout_ends_at_once(playbook: Path) -> None:
    playbook.write_text(HEAD + "    - ansible.builtin.command: sleep 20\n")
    began = time.monotonic()
    seen = in_terminal(playbook, answers=[("command", interrupt)])
    assert seen.status == 99
    assert time.monotonic() - began < 15
    assert "rollout" not in seen.text
    assert is_sane(seen.raw)


def test_interrupted_lines_without_a_terminal(playbook: Path) -> None:
    playbook.write_text(ROLLOUT)
    process = subprocess.Popen(
        command(playbook),
        cwd=playbook.parent,
        env=environment(playbook.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(3)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.5)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 99
    assert "Ctrl-C again stops at once" in output
    assert "not begun, on no release: web1, web2" in output


def test_termination_leaves_the_terminal_sane(playbook: Path) -> None:
    def terminate(_terminal: int, process: int) -> None:
        os.kill(process, signal.SIGTERM)

    playbook.write_text(HEAD + "    - ansible.builtin.command: sleep 20\n")
    seen = in_terminal(playbook, answers=[("command", terminate)])
    assert seen.status == -signal.SIGTERM
    assert is_sane(seen.raw)
    assert seen.raw.endswith("\n") or seen.raw.endswith("\x1b[2K")


def test_durations_are_remembered_for_the_same_command(playbook: Path) -> None:
    playbook.write_text(HEAD + "    - ansible.builtin.command: sleep 1\n")
    assert "of about" not in in_terminal(playbook).text
    assert "of about 0:0" in in_terminal(playbook).text
    assert "of about" not in in_terminal(playbook, "--limit=web1").text
