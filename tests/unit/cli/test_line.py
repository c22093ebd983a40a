"""The line of ansible-playbook: whole, quoted, and understood by Ansible as it was meant."""

from __future__ import annotations

import json
import shlex

import pytest
from ansible.parsing.dataloader import DataLoader

from asgi_fleet.commands import COMMANDS
from asgi_fleet.line import Common, line_of, setting

BY_NAME = {command.name: command for command in COMMANDS}


def text(
    name: str, values: dict[str, object] | None = None, *rest: str, common: Common | None = None
) -> str:
    return line_of(BY_NAME[name], values or {}, common or Common(), rest).text()


@pytest.mark.parametrize(
    ("name", "values", "rest", "line"),
    [
        ("check", {}, (), "playbooks/check.yml"),
        ("deploy", {}, ("--tags", "release"), "deploy.yml --tags release"),
        ("deploy", {"plan": "2c26b46b"}, (), "deploy.yml -e plan=2c26b46b"),
        ("plan", {}, (), "deploy.yml -e plan_only=true"),
        ("rollback", {}, (), "playbooks/rollback.yml"),
        (
            "rollback",
            {"release": "1.4.0-9f86d081"},
            (),
            "playbooks/rollback.yml -e release=1.4.0-9f86d081",
        ),
        ("drain", {"--limit": "web2,web3"}, (), "playbooks/drain.yml --limit web2,web3"),
        ("undrain", {"--limit": "!web2"}, (), "playbooks/undrain.yml --limit '!web2'"),
        (
            "maintenance",
            {"maintenance": "on", "maintenance_allow": ["192.0.2.7"]},
            (),
            "playbooks/maintenance.yml -e maintenance=on "
            '-e \'{"maintenance_allow": ["192.0.2.7"]}\'',
        ),
        (
            "run",
            {"run_on": "all"},
            ("python", "manage.py", "migrate"),
            "playbooks/run.yml -e run_on=all "
            '-e \'{"command": ["python", "manage.py", "migrate"]}\'',
        ),
    ],
)
def test_command_stands_for_a_line(
    name: str, values: dict[str, object], rest: tuple[str, ...], line: str
) -> None:
    assert text(name, values, *rest) == f"ansible-playbook {line}"


def test_common_options_keep_their_names() -> None:
    common = Common(
        inventories=("inventory/a b", "web1,"),
        limit="web1",
        extra_vars=("a=b", "@more.yml"),
        check=True,
        diff=True,
        ask_vault_pass=True,
        vault_password_files=("secret",),
        ask_pass=True,
        ask_become_pass=True,
        verbosity=2,
    )
    line = line_of(BY_NAME["release"], {}, common, (), path=lambda path: f"/home/{path}")
    assert line.text() == (
        "ansible-playbook -i '/home/inventory/a b' -i web1, playbooks/release.yml --limit web1 "
        "-e a=b -e @/home/more.yml --check --diff --ask-vault-pass "
        "--vault-password-file /home/secret --ask-pass --ask-become-pass -vv"
    )


def test_hosts_and_limit_are_those_of_both() -> None:
    line = text("drain", {"--limit": "web2,web3"}, common=Common(limit="new"))
    assert line == "ansible-playbook playbooks/drain.yml --limit 'web2,web3:&new'"


def test_json_leaves_stdout_to_the_playbook() -> None:
    assert text("status", common=Common(json=True, verbosity=1)) == (
        "ANSIBLE_STDOUT_CALLBACK=asgi.fleet.quiet ANSIBLE_VERBOSE_TO_STDERR=true "
        "ansible-playbook playbooks/status.yml -e status_format=json -v"
    )


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "a b",
        "",
        'it\'s "quoted" = $HOME \\ `x` #c',
        "{{ not_a_template }} {% %} {# #}",
        "é 🚀 \t\x7f\n",
        ["docker", "ps", "--format", "{{.Names}}", "a: b", "- c", "!d", "&e", "*f"],
        [],
        12,
    ],
)
def test_ansible_understands_a_setting_as_it_was_meant(value: object) -> None:
    (_, _, told) = shlex.split(f"x -e {shlex.quote(setting('name', value))}")
    # As ansible.utils.vars.load_extra_vars reads it.
    is_mapping = told.startswith("{")
    read = DataLoader().load(told)["name"] if is_mapping else told.partition("=")[2]
    expected = value if isinstance(value, list) else str(value)
    assert json.loads(json.dumps(read)) == expected


def test_setting_is_no_template_where_it_looks_like_one() -> None:
    assert setting("a", "{{ b }}") == '{"a": !unsafe "{{ b }}"}'
    assert setting("a", ["b", "{% c %}"]) == '{"a": ["b", !unsafe "{% c %}"]}'
