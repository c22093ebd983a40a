"""`app_processes`: what is accepted, in which form, and how everything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.processes import processes

WORKER = {"name": "worker", "command": "arq worker.Settings"}


def checked(value: object) -> tuple[list[dict[str, Any]], list[str]]:
    findings = Findings("app_processes")
    return processes(value, findings), [problem.message for problem in findings.problems]


def test_process_gets_what_it_does_not_say() -> None:
    assert checked([WORKER]) == (
        [
            {
                "name": "worker",
                "command": ["arq", "worker.Settings"],
                "count": 1,
                "stop_signal": "SIGTERM",
                "stop_timeout": 30,
                "memory_mb": 128,
                "once_per_fleet": False,
                "overlap": True,
                "notify": False,
            }
        ],
        [],
    )


@pytest.mark.parametrize(
    ("key", "given", "normal"),
    [
        ("command", 'bot --greet "good day"', ["bot", "--greet", "good day"]),
        ("command", ["sh", "-c", "exec bot >log"], ["sh", "-c", "exec bot >log"]),
        ("command", "python -c 'a; b'", ["python", "-c", "a; b"]),
        ("command", """bot --of "|" 'a$b' \\;""", ["bot", "--of", "|", "a$b", ";"]),
        ("command", r"""bot "a\"; b" 'c\' d#e""", ["bot", 'a"; b', "c\\", "d#e"]),
        ("command", "QUEUE=fast python worker.py", ["QUEUE=fast", "python", "worker.py"]),
        ("count", "cores", "cores"),
        ("count", "4", 4),
        ("stop_signal", "int", "SIGINT"),
        ("stop_signal", "SIGUSR1", "SIGUSR1"),
        ("stop_timeout", "3600", 3600),
        ("memory_mb", 16, 16),
        ("overlap", "no", False),
        ("notify", True, True),
        ("count", None, 1),
    ],
)
def test_value_is_normalised(key: str, given: object, normal: object) -> None:
    found, problems = checked([{**WORKER, key: given}])
    assert problems == []
    assert found[0][key] == normal


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "arq",
            "app_processes is arq; expected a list of processes, each {name: ..., command: ...}; "
            "set it in group_vars/app.yml",
        ),
        (
            ["arq"],
            "app_processes[0] is arq; expected a mapping of name, command and more; "
            "set it in group_vars/app.yml",
        ),
        (
            [{"command": "arq"}],
            "app_processes[0].name is not set; expected a lower-case letter and then at most 30 of "
            "a-z, 0-9 and -, such as worker; set it in group_vars/app.yml",
        ),
        (
            [{"name": "w" * 32, "command": "arq"}],
            f"app_processes[0].name is {'w' * 32}; expected a lower-case letter and then at most "
            "30 of a-z, 0-9 and -, such as worker; set it in group_vars/app.yml",
        ),
        (
            [{"name": "worker-", "command": "arq"}],
            "app_processes[0].name is worker-, which ends with -; expected a letter or a digit at "
            "its end; set it in group_vars/app.yml",
        ),
        (
            [WORKER, WORKER],
            "app_processes is worker twice; expected each name once; "
            "rename one, or raise its count",
        ),
        (
            [{**WORKER, "signal": "TERM"}],
            "app_processes[0].signal is not a key; expected name, command, count, stop_signal, "
            "stop_timeout, memory_mb, once_per_fleet, overlap, notify; remove it",
        ),
        (
            [{"name": "worker"}],
            "app_processes.worker.command is not set; expected a command on one line such as "
            "arq worker.Settings, or a list of its words; set it in group_vars/app.yml",
        ),
        (
            [{**WORKER, "command": "cd x && arq"}],
            "app_processes.worker.command is cd x && arq, which needs a shell; expected a program "
            "and its arguments, which gets the stop signal itself; write a script of the release, "
            'or a list: [sh, -c, "..."]',
        ),
        (
            [{**WORKER, "command": "arq --queue $QUEUE"}],
            "app_processes.worker.command is arq --queue $QUEUE, which needs a shell; expected a "
            "program and its arguments, which gets the stop signal itself; write a script of the "
            'release, or a list: [sh, -c, "..."]',
        ),
        (
            # A fragment is no comment, and what comes after it counts.
            [{**WORKER, "command": "arq a#b | tee log"}],
            "app_processes.worker.command is arq a#b | tee log, which needs a shell; expected a "
            "program and its arguments, which gets the stop signal itself; write a script of the "
            'release, or a list: [sh, -c, "..."]',
        ),
        (
            [{**WORKER, "command": r'arq "\$QUEUE"'}],
            'app_processes.worker.command is arq "\\$QUEUE", which needs a shell; expected a '
            "program and its arguments, which gets the stop signal itself; write a script of the "
            'release, or a list: [sh, -c, "..."]',
        ),
        (
            [{**WORKER, "command": "arq 'x"}],
            "app_processes.worker.command is arq 'x (No closing quotation); expected a command "
            "whose quotes are closed; set it in group_vars/app.yml",
        ),
        (
            [{**WORKER, "command": ["arq", 5]}],
            'app_processes.worker.command is ["arq", 5]; expected a command on one line such as '
            "arq worker.Settings, or a list of its words; set it in group_vars/app.yml",
        ),
        (
            # env(1) without a program prints the environment, with its secrets, to the journal.
            [{**WORKER, "command": "QUEUE=fast"}],
            "app_processes.worker.command is QUEUE=fast; expected a command on one line such as "
            "arq worker.Settings, or a list of its words; set it in group_vars/app.yml",
        ),
        (
            [{**WORKER, "command": ["QUEUE=fast", "--burst"]}],
            'app_processes.worker.command is ["QUEUE=fast", "--burst"]; expected a command on one '
            "line such as arq worker.Settings, or a list of its words; set it in "
            "group_vars/app.yml",
        ),
        (
            [{**WORKER, "command": "arq\u200b worker.Settings"}],
            "app_processes.worker.command is arq  worker.Settings, which has the character U+200B; "
            "expected a command on one line such as arq worker.Settings, or a list of its words; "
            "set it in group_vars/app.yml",
        ),
        (
            [{**WORKER, "count": 0}],
            "app_processes.worker.count is 0; expected cores or a number from 1 to 128; "
            "set it, or remove the process",
        ),
        (
            [{**WORKER, "stop_signal": "KILL"}],
            "app_processes.worker.stop_signal is KILL, which would lose a running job; expected "
            "one of SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH; "
            "set it in group_vars/app.yml",
        ),
        (
            [{**WORKER, "stop_timeout": 3601}],
            "app_processes.worker.stop_timeout is 3601; expected a number of seconds from 1 to "
            "3600; set it in group_vars/app.yml",
        ),
        (
            [{**WORKER, "memory_mb": "much"}],
            "app_processes.worker.memory_mb is much; expected a number of MB from 16 to 1048576; "
            "set it in group_vars/app.yml",
        ),
        (
            [{**WORKER, "overlap": "perhaps"}],
            "app_processes.worker.overlap is perhaps; expected true or false; "
            "set it in group_vars/app.yml",
        ),
    ],
)
def test_anything_else_is_refused_by_name(value: object, message: str) -> None:
    assert checked(value)[1] == [message]


@pytest.mark.parametrize("word", ["-x", " ", "a\nb"])
def test_program_must_be_one(word: str) -> None:
    assert len(checked([{**WORKER, "command": [word]}])[1]) == 1
