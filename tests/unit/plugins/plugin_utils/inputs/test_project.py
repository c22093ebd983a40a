"""The variables that say how a project is installed."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME


def check(name: str, value: object) -> tuple[object, list[str]]:
    findings = Findings(name)
    normal = BY_NAME[name].check(value, findings)
    return normal, [problem.message for problem in findings.problems]


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ({}, {"file": "auto", "extras": [], "groups": []}),
        ({"file": "none"}, {"file": "none", "extras": [], "groups": []}),
        ({"file": "./requirements/prod.txt"}, {"file": "requirements/prod.txt"}),
        ({"file": "../uv.lock", "extras": "server"}, {"file": "../uv.lock", "extras": ["server"]}),
        ({"groups": ["prod", "prod"]}, {"groups": ["prod"]}),
    ],
)
def test_dependencies_have_one_form(value: object, normal: dict[str, object]) -> None:
    form = {"file": "auto", "extras": [], "groups": []} | normal
    assert check("app_dependencies", value) == (form, [])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "requirements/prod.txt",
            "app_dependencies is requirements/prod.txt; expected a mapping such as {file: "
            "requirements/production.txt, extras: [server]}; write {file: requirements/prod.txt}",
        ),
        (
            {"path": "x"},
            "app_dependencies (a key) is path; expected one of file, extras, groups; set it in "
            "group_vars/app.yml",
        ),
        (
            {"file": "/srv/requirements.txt"},
            "app_dependencies.file is /srv/requirements.txt; expected auto, none or the path of a "
            "file, from the project's folder; set it in group_vars/app.yml",
        ),
        (
            {"file": ["a.txt"]},
            'app_dependencies.file is ["a.txt"]; expected auto, none or the path of a file, from '
            "the project's folder; set it in group_vars/app.yml",
        ),
        (
            {"extras": [1]},
            "app_dependencies.extras is 1; expected a list of names, such as [server]; set it in "
            "group_vars/app.yml",
        ),
        (
            {"groups": ["--all"]},
            "app_dependencies.groups is --all; expected a list of names, such as [server]; set it "
            "in group_vars/app.yml",
        ),
    ],
)
def test_dependencies_that_cannot_be_meant_are_refused(value: object, message: str) -> None:
    assert check("app_dependencies", value)[1] == [message]


@pytest.mark.parametrize(
    ("value", "normal"),
    [("auto", "auto"), (True, "true"), (False, "false"), ("False", "false"), ("yes", "true")],
)
def test_package_is_chosen_by_a_boolean_or_the_command_line(value: object, normal: str) -> None:
    assert check("app_package", value) == (normal, [])


def test_package_is_refused_otherwise() -> None:
    assert check("app_package", "wheel")[1] == [
        "app_package is wheel; expected auto, true or false; set it in group_vars/app.yml"
    ]
