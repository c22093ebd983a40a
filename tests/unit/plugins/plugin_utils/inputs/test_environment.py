"""Environment variables as they were meant: what YAML changes is refused, by its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.environment import environment
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.written import Files

PATH = "group_vars/app.yml"


def checked(tmp_path: Path, text: str, variable: str = "app_env") -> tuple[Any, list[str]]:
    """Check what a YAML file has below `variable`, as Ansible loads it."""
    path = tmp_path / "app.yml"
    path.write_text(f"---\n{variable}:\n{text}")
    value = DataLoader().load_from_file(str(path))[variable]
    findings = Findings(variable, files=Files(lambda name: Path(name).read_bytes()))
    found = environment(value, findings)
    return found, [one.message.replace(str(path), PATH) for one in findings.problems]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("1.10", "a number with a fraction (1.1)"),
        ("1e3", None),
        ("1.5e+3", "a number with a fraction (1500.0)"),
        ("12:30", "a whole number (750)"),
        ("01234", "a whole number (668)"),
        ("1_000", "a whole number (1000)"),
        ("0x1F", "a whole number (31)"),
        ("0b11", "a whole number (3)"),
        ("+8000", "a whole number (8000)"),
        ("yes", "a boolean"),
        ("On", "a boolean"),
        ("2026-01-01", "a date"),
        ("2026-01-01 12:00:00", "a time"),
    ],
)
def test_value_that_yaml_changed_is_refused_with_its_text_and_quotes(
    tmp_path: Path, text: str, what: str | None
) -> None:
    found, problems = checked(tmp_path, f"  GREETING: hello\n  VALUE: {text}\n")
    if what is None:
        # YAML 1.1 wants a dot and a sign: this is a text already.
        assert (found["VALUE"], problems) == (text, [])
        return
    assert problems == [
        f"app_env.VALUE is {text} ({PATH}:4), of which YAML made {what}; "
        f'expected a text in quotes, or a plain whole number; write VALUE: "{text}"'
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8000", "8000"),
        ("-1", "-1"),
        ("0", "0"),
        ("'01234'", "01234"),
        ('"1.10"', "1.10"),
        ("12:30:x", "12:30:x"),
        ('""', ""),
        ("[https://a.example, 8000]", '["https://a.example",8000]'),
        ("{b: [1.5, true, null], a: 'ü'}", '{"b":[1.5,true,null],"a":"ü"}'),
        ('" \\t\\r\\n\\u2028\\\\$x %n `id` #\\"\'"', " \t\r\n\u2028\\$x %n `id` #\"'"),
    ],
)
def test_value_that_is_what_stands_in_the_file_is_accepted(
    tmp_path: Path, text: str, value: str
) -> None:
    assert checked(tmp_path, f"  VALUE: {text}\n") == ({"VALUE": value}, [])


def test_parts_of_a_list_are_refused_where_yaml_changed_them(tmp_path: Path) -> None:
    _found, problems = checked(tmp_path, "  COUNTRIES: [se, no]\n  TIMES: {a: [12:30]}\n")
    assert [problem.split(";")[0] for problem in problems] == [
        f"app_env.COUNTRIES[1] is no ({PATH}:3), of which YAML made a boolean",
        f"app_env.TIMES.a[0] is 12:30 ({PATH}:4), of which YAML made a whole number (750)",
    ]
    assert problems[0].endswith('; write "no"')


def test_merged_mapping_leads_back_to_where_each_value_stands(tmp_path: Path) -> None:
    _found, problems = checked(tmp_path, "  <<: &base {ZIP: 01234}\n  PORT: 8000\n")
    assert [problem.split(",")[0] for problem in problems] == [f"app_env.ZIP is 01234 ({PATH}:3)"]


def test_empty_value_is_refused_with_what_an_empty_one_is(tmp_path: Path) -> None:
    assert checked(tmp_path, "  VALUE:\n")[1] == [
        f'app_env.VALUE is empty ({PATH}:3); expected a text; write VALUE: "" for an empty one'
    ]


def test_secret_is_refused_without_its_text(tmp_path: Path) -> None:
    _found, [problem] = checked(tmp_path, "  PIN: 01234\n", "app_secrets")
    assert problem == (
        f"app_secrets.PIN is a whole number, of which YAML does not keep the text ({PATH}:3); "
        "expected a text in quotes, or a plain whole number; write quotes around it"
    )


def test_number_of_a_plugin_or_a_template_is_accepted_but_with_a_fraction() -> None:
    """What makes it knows no YAML: set_fact, a lookup, an inventory that is a program."""
    findings = Findings("app_env")
    assert environment({"PORT": 8000, "LIST": [1, 1.5]}, findings) == {
        "PORT": "8000",
        "LIST": "[1,1.5]",
    }
    assert not findings.problems
    environment({"RATIO": 1.5}, findings)
    assert findings.problems[0].message.startswith("app_env.RATIO is a number with a fraction")


def test_value_of_the_command_line_leads_back_to_what_was_typed() -> None:
    typed = '{"app_env": {"ZIP": 01234, "PORT": 8000, "DEBUG": no}}'
    findings = Findings("app_env", files=Files(command_line=["{other: 1}", typed]))
    from ansible._internal._datatag._tags import Origin

    text = Origin(description="<CLI option '-e'>").tag(typed)
    environment(DataLoader().load(text)["app_env"], findings)
    assert [problem.message.split(",")[0] for problem in findings.problems] == [
        "app_env.ZIP is 01234 (the command line)",
        "app_env.DEBUG is no (the command line)",
    ]


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("GUNICORN_CMD_ARGS", "set those"),
        ("WEB_CONCURRENCY", "set app_workers"),
        ("UVICORN_WORKERS", "set app_workers"),
        ("UVICORN_ROOT_PATH", "set app_root_path"),
        ("UVICORN_FACTORY", "set app_module"),
        ("UVICORN_PORT", "remove it"),
        ("GUNICORN_PID", "remove it"),
        ("FORWARDED_ALLOW_IPS", "set nginx_site_trusted_proxies"),
        ("LISTEN_FDS", "remove it"),
        ("LISTEN_PID", "remove it"),
        ("NOTIFY_SOCKET", "remove it"),
        ("PYTHONHOME", "remove it; app_python"),
        ("VIRTUAL_ENV", "remove it; app_python"),
        ("FLEET_SLOT", "rename it"),
    ],
)
def test_variable_that_the_product_owns_is_refused_with_what_to_set(
    name: str, instead: str
) -> None:
    findings = Findings("app_env")
    environment({name: "x"}, findings)
    [problem] = findings.problems
    assert problem.message.startswith(f"app_env.{name} is ")
    assert f"; {instead}" in problem.message


@pytest.mark.parametrize("name", ["PATH", "HOME", "PYTHONPATH", "PORT", "HOST", "TIMEOUT", "LANG"])
def test_variable_that_an_application_may_need_is_accepted(name: str) -> None:
    findings = Findings("app_env")
    environment({name: "x"}, findings)
    assert not findings.problems


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a\0b", "text with a NUL"),
        ("\ud800", "text with half a character"),
        ("x" * 131072, "131072 bytes long; expected at most 128 KiB"),
        (["a\ud800"], "text with half a character"),
    ],
    ids=["NUL", "surrogate", "long", "surrogate within"],
)
def test_value_that_no_environment_can_hold_is_refused(value: object, told: str) -> None:
    findings = Findings("app_secrets")
    environment({"BLOB": value}, findings)
    assert [told in problem.message for problem in findings.problems] == [True]


def test_nul_within_a_list_is_json_of_it() -> None:
    findings = Findings("app_env")
    found = environment({"BLOB": ["a\0b"]}, findings)
    assert isinstance(found, dict)
    assert json.loads(found["BLOB"]) == ["a\0b"]
    assert not findings.problems
