"""Static files and mounted applications: what is refused, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    Examination,
    judge,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.served_paths import (
    missing_folders,
    mount_of,
    path_problems,
    static,
)

PATH = "a path that begins with / and does not end with it, such as /static"
SET = "set it in group_vars/app.yml"


def refused(value: object) -> list[str]:
    findings = Findings("app_static")
    static(value, findings)
    return [problem.message for problem in findings.problems]


def test_folders_are_accepted_with_or_without_a_slash_at_their_end() -> None:
    findings = Findings("app_static")
    assert static({"/static": "app/static/", "/a/b": "x"}, findings) == {
        "/static": "app/static",
        "/a/b": "x",
    }
    assert findings.problems == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "static",
            "app_static is static; expected a mapping of paths to folders, such as "
            f"{{/static: static}}; {SET}",
        ),
        (
            {"/": "static"},
            f"app_static./ is not a path that nginx can serve files under; expected {PATH}; "
            "correct it; the files of / itself are the application's",
        ),
        (
            {"/static": "../etc"},
            "app_static./static is ../etc; expected a folder inside of the source, without .. and "
            f"hidden folders, such as static; {SET}",
        ),
        ({"/static": "/etc"}, "app_static./static is /etc; expected a folder inside of the source"),
        ({"/static": "a/.git"}, "app_static./static is a/.git; expected a folder inside"),
        ({"/static": ""}, "app_static./static is empty; expected a folder inside"),
        ({"/.well-known": "x"}, "app_static./.well-known is not a path that nginx can serve"),
        (
            {"/static": "a", "/static/b": "b"},
            "app_static./static/b is below /static; expected paths of which none is below "
            "another; remove it, or move one of both",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(value: object, told: str) -> None:
    assert len(refused(value)) == 1
    assert refused(value)[0].startswith(told)


@pytest.mark.parametrize(
    "written", ["static", "static/up", {"path": "web", "keep": False}, "./web/"]
)
def test_a_folder_that_the_application_writes_is_refused(written: object) -> None:
    valid: dict[str, Any] = {"app_static": {"/s": "web"}, "app_writable_paths": [written]}
    if written in ("static", "static/up"):
        valid["app_static"] = {"/s": "static"}
    (problem,) = path_problems(valid)
    assert "(app_writable_paths); expected a folder that only a release changes" in problem.message
    assert path_problems(valid | {"app_writable_paths": ["webs"]}) == []


def test_a_mount_needs_a_path_of_its_own() -> None:
    deployment = {"app_name": "api", "app_mount_of": "shop", "app_root_path": ""}
    (problem,) = path_problems(deployment)
    assert problem.message == (
        "app_mount_of is shop, and app_root_path is empty; expected a path of its own under the "
        "domain of the other application; set app_root_path, for example app_root_path: /api"
    )
    itself = path_problems(deployment | {"app_mount_of": "api", "app_root_path": "/api"})
    assert "is api, the application itself; expected another" in itself[0].message


def test_a_mount_is_a_name() -> None:
    findings = Findings("app_mount_of")
    assert mount_of("", findings) == ""
    assert findings.problems == []
    mount_of("Shop", findings)
    assert "is Shop; expected a lower-case letter" in findings.problems[0].message


FRONT = {"app_name": "shop", "app_domain": ["shop.example.com"], "app_root_path": ""}
API = {
    "app_name": "api",
    "app_domain": ["shop.example.com"],
    "app_root_path": "/api",
    "app_mount_of": "shop",
}


def judged(**hosts: dict[str, Any]) -> list[str]:
    found = {
        host: Examination(deployment, machine="10.0.0.1:22") for host, deployment in hosts.items()
    }
    return [problem.message for problem in judge(found) if problem.variable == "app_mount_of"]


def test_an_application_is_mounted_on_one_of_the_same_machine() -> None:
    assert judged(front=FRONT, api=API) == []
    assert judge({"front": Examination(FRONT), "api": Examination(API)}) == []


def test_an_application_that_limit_leaves_out_counts() -> None:
    assert judge({"api": Examination(API)}, {"front": Examination(FRONT)}) == []


@pytest.mark.parametrize(
    ("front", "api", "told"),
    [
        (
            FRONT | {"app_name": "store"},
            API,
            "app_mount_of is shop, which is no other application of this machine; expected one of "
            "store; correct it, or add a host of the inventory with the same ansible_host for it",
        ),
        (
            FRONT | {"app_mount_of": "store"},
            API,
            "app_mount_of is shop, which is itself mounted on store; expected an application with "
            "a site of its own; set app_mount_of: store",
        ),
        (
            FRONT | {"app_domain": ["www.example.com"]},
            API,
            'app_mount_of is shop, whose app_domain is ["www.example.com"]; expected the same '
            "app_domain for both, since they are one site; set the same app_domain for both",
        ),
        (
            FRONT | {"app_root_path": "/api"},
            API,
            "app_mount_of is shop, whose app_root_path is /api too; expected a path of its own for "
            "each application; change app_root_path of one of them",
        ),
        (
            FRONT | {"app_static": {"/api/static": "static"}},
            API,
            "app_mount_of is shop, whose app_static has /api/static; expected a path that does not "
            "meet one of the other application's static files; change app_root_path, or app_static "
            "there",
        ),
    ],
)
def test_a_mount_that_cannot_be_is_refused(
    front: dict[str, Any], api: dict[str, Any], told: str
) -> None:
    assert told in judged(front=front, api=api)


def test_two_mounts_of_one_path_are_refused() -> None:
    told = judged(front=FRONT, api=API, other=API | {"app_name": "other"})
    assert told == [
        f"app_mount_of is shop, on which {name} has app_root_path /api too; expected a path of its "
        "own for each application; change app_root_path of one of them"
        for name in ("other", "api")
    ]


def test_a_folder_that_a_source_on_the_controller_lacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "web" / "static").mkdir(parents=True)
    source = {"type": "path", "path": str(tmp_path), "subdirectory": "web"}
    deployment = {"app_source": source, "app_static": {"/static": "static", "/media": "media"}}
    (problem,) = missing_folders(deployment)
    assert problem.message == (
        f"app_static./media is media; expected a folder of {tmp_path}/web; {SET}"
    )
    assert missing_folders(deployment | {"app_source": {"type": "git", "url": "x"}}) == []
    assert missing_folders({}) == []
