"""What an operator asks for is checked, and all that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible.parsing.splitter import parse_kv
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.requests import (
    CommandLine,
    enough_forks,
    history_request,
    logs_request,
    run_request,
)

NOW = 1_795_860_000.0


def parse(text: str) -> Mapping[str, object]:
    found: dict[str, object] = parse_kv(text)
    return found


def line(*options: str, **variables: object) -> CommandLine:
    for option in options:
        variables.update(parse(option))
    return CommandLine(options, variables, parse)


def told(line: CommandLine) -> list[str]:
    return [problem.message for problem in line.problems]


def test_run_has_its_defaults() -> None:
    given = line("command=python manage.py check")
    assert run_request(given) == {
        "command": ["python", "manage.py", "check"],
        "on": "one",
        "seconds": 3600,
        "status_file": "",
    }
    assert told(given) == []


def test_run_takes_what_is_given(tmp_path: Path) -> None:
    status = tmp_path / "status"
    given = line("run_on=all", "run_seconds=60", f"run_status_file={status}", command=["ls"])
    assert run_request(given) == {
        "command": ["ls"],
        "on": "all",
        "seconds": 60,
        "status_file": str(status),
    }


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "status"
    given = line("run_on=two", "run_seconds=0", f"run_status_file={missing}")
    run_request(given)
    assert told(given)[:3] == [
        "command is not set; expected a program and its arguments, as a text or a list; "
        'name one: -e command="python manage.py check"',
        "run_on is two; expected one, leader or all; correct -e run_on=...",
        "run_seconds is 0; expected a number from 1 to 604800; correct -e run_seconds=...",
    ]
    (last,) = told(given)[3:]
    assert last.startswith("run_status_file is ")
    assert last.endswith(f"expected a file in a folder that is there; mkdir -p {missing.parent}")


def test_folder_is_no_file(tmp_path: Path) -> None:
    given = line(f"history_file={tmp_path}")
    history_request(given)
    assert "expected a file in a folder that is there" in told(given)[0]


def test_logs_has_its_defaults() -> None:
    given = line()
    assert logs_request(given, NOW) == {
        "since": NOW - 600,
        "grep": "",
        "follow": False,
        "seconds": 0,
        "release": "",
        "timer": "",
        "process": "",
        "source": "all",
        "lines": 500,
    }
    assert told(given) == []


def test_logs_takes_what_is_given() -> None:
    given = line(
        *("logs_since=1 h ago", "logs_grep=a b", "logs_follow=yes", "logs_seconds=60"),
        *("logs_release=1.4.1-2c26b46b", "logs_source=journal", "logs_lines=7"),
        "logs_process=worker",
    )
    assert logs_request(given, NOW) == {
        "since": NOW - 3600,
        "grep": "a b",
        "follow": True,
        "seconds": 60,
        "release": "1.4.1-2c26b46b",
        "timer": "",
        "process": "worker",
        "source": "journal",
        "lines": 7,
    }
    assert logs_request(line("logs_timer=report"), NOW)["timer"] == "report"
    assert told(given) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["logs_timer=report", "logs_process=worker"],
            "logs_timer is report, and logs_process is worker; expected one of them, since no line "
            "is of both; leave one out",
        ),
        (
            ["logs_timer=report", "logs_source=access"],
            "logs_source is access, and logs_timer is report; expected journal or all: timers and "
            "processes have no requests; leave one out",
        ),
        (
            ["logs_process=worker", "logs_source=access"],
            "logs_source is access, and logs_process is worker; expected journal or all: timers "
            "and processes have no requests; leave one out",
        ),
    ],
)
def test_logs_refuses_options_that_together_show_nothing(options: list[str], message: str) -> None:
    given = line(*options)
    logs_request(given, NOW)
    assert told(given) == [message]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("logs_since=soon", "logs_since is soon; expected a moment such as"),
        ("logs_since=@1895860000", "logs_since is @1895860000, which is still to come; expected"),
        ("logs_grep=(", "logs_grep is ( ("),
        ("logs_follow=perhaps", "logs_follow is perhaps; expected true or false;"),
        ("logs_seconds=3", "logs_seconds is 3; expected it with logs_follow; add"),
        ("logs_timer=../x", "logs_timer is ../x; expected the name of a timer; see playbooks/"),
        ("logs_release=../x", "logs_release is ../x; expected the id of a release; list them"),
        ("logs_process=a b", "logs_process is a b; expected the name of one of app_processes"),
        ("logs_source=nginx", "logs_source is nginx; expected all, journal or access;"),
        ("logs_lines=100001", "logs_lines is 100001; expected a number from 1 to 100000;"),
    ],
)
def test_logs_refuses_what_it_cannot_show(option: str, message: str) -> None:
    given = line(option)
    logs_request(given, NOW)
    (problem,) = told(given)
    assert problem.startswith(message)


def test_history_has_its_defaults_and_limits() -> None:
    assert history_request(line()) == {"format": "table", "file": "", "count": 20}
    given = line("history_format=yaml", "history_count=0")
    history_request(given)
    assert [message.partition(";")[0] for message in told(given)] == [
        "history_format is yaml",
        "history_count is 0",
    ]


def test_hosts_that_no_fork_is_left_for_are_not_followed() -> None:
    enough_forks(5, 5)
    with pytest.raises(ValueError, match=r"forks is 5; expected at least 6.*--forks 6"):
        enough_forks(6, 5)
