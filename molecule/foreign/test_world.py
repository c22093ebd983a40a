"""One world for import, hooks and service, and places to write: each by one line of variables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from events import Shop
from projects import APPS, Project

SOURCE = APPS / "world"
STATE = "/var/lib/world/state"
VARIABLES: dict[str, Any] = {
    "app_env": {"PROMETHEUS_MULTIPROC_DIR": f"{STATE}/metrics"},
    "app_workers": 1,
}
PLACES = ["sql_app.db", "uploads", {"path": "static", "keep": False}]
HOOKS = {
    "before_rollout": [f"env > {STATE}/hook; uvicorn --version"],
    "before_activate": [
        f"echo $FLEET_SLOT > {STATE}/slot; mkdir -p static/css; touch static/a.css"
    ],
}
#: What says which of the two it is, and how systemd talks to a service.
OF_A_SERVICE = {
    *("INVOCATION_ID", "JOURNAL_STREAM", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID"),
    *("NOTIFY_SOCKET", "SYSTEMD_EXEC_PID", "SERVER_SOFTWARE", "MAINPID", "PWD", "_", "SHLVL"),
    *("RUNTIME_DIRECTORY", "PROMETHEUS_MULTIPROC_DIR", "OLDPWD", "FDSTORE"),
}


@pytest.fixture(scope="module")
def project(shop: Shop) -> Iterator[Project]:
    """The application, on a host that has an accelerator."""
    shop.shell("test -e /dev/nvidia0 || mknod --mode=666 /dev/nvidia0 c 195 0")
    yield Project(shop, "world")
    shop.shell("rm /dev/nvidia0")


@pytest.fixture(scope="module")
def refused(project: Project) -> str:
    """A bare host, and an application that keeps its database beside its code."""
    return project.refuse(SOURCE, "main:app", **VARIABLES)


@pytest.fixture(scope="module")
def released(project: Project, refused: str) -> str:
    """The same with the line that the refusal named, and others."""
    return project.release(
        SOURCE, "main:app", **VARIABLES, app_writable_paths=PLACES, app_hooks=HOOKS
    )


def plain(text: str) -> str:
    """Join what was wrapped."""
    return " ".join(text.split())


def test_refusal_names_the_line_that_allows_the_database(refused: str) -> None:
    assert (
        "ProtectSystem=strict refused a write to sql_app.db; add app_writable_paths: [sql_app"
        in (plain(refused))
    )


@pytest.mark.usefixtures("released")
def test_hook_has_the_world_of_the_service(project: Project) -> None:
    service = json.loads(project.ask("/world"))
    lines = project.shop.shell(f"cat {STATE}/hook").splitlines()
    hook = dict(line.split("=", 1) for line in lines)
    for name in (service.keys() | hook.keys()) - OF_A_SERVICE:
        assert service.get(name) == hook.get(name), name
    assert (service["HOME"], service["STATE_DIRECTORY"]) == (STATE, STATE)
    assert service["PATH"].startswith(f"{project.folder}/.venv/bin:")
    assert service["RUNTIME_DIRECTORY"] == "/run/world/blue"
    assert hook["RUNTIME_DIRECTORY"] == hook["PROMETHEUS_MULTIPROC_DIR"] == "/run/world/hook"
    assert service["PWD"] == hook["PWD"] == f"{project.folder}/src"
    assert project.shop.shell(f"cat {STATE}/slot") == "blue"


@pytest.mark.usefixtures("released")
def test_hook_collects_static_files_into_the_release(project: Project) -> None:
    assert json.loads(project.ask("/files"))["static"] == ["a.css", "css"]
    assert project.shop.shell(f"stat -c %U {project.folder}/src/static") == "world"


def test_run_tells_what_was_refused_since_and_what_is_hidden(released: str) -> None:
    told = plain(released)
    assert "WARNING: since it went live, ProtectSystem=strict refused a write to reports" in told
    assert "add app_writable_paths: [reports]" in told
    assert "set app_sandbox: {jit: true}, and release again" in told
    assert "the host has /dev/nvidia0, which the application cannot see" in told
    assert "app_devices: [/dev/nvidia0]" in told


@pytest.mark.usefixtures("released")
def test_verification_tells_it_afterwards(project: Project) -> None:
    result = project.shop.play("verify", **project.variables(SOURCE, "main:app"))
    assert "its sandbox: ProtectSystem=strict refused a write to reports" in plain(result.stdout)


@pytest.mark.usefixtures("released")
def test_releases_keep_what_was_written_and_leave_no_process(project: Project) -> None:
    assert project.ask("/visit") == "1"
    before = json.loads(project.ask("/files"))
    assert "nvidia0" not in before["dev"]
    for color in ("green", "blue"):
        project.release(
            SOURCE,
            "main:app",
            app_env={**VARIABLES["app_env"], "COLOR": color},
            app_workers=1,
            app_writable_paths=PLACES,
            app_devices=["/dev/nvidia0"],
        )
    assert project.ask("/visit") == "2"
    after = json.loads(project.ask("/files"))
    assert after["uploads"] == ["visits.txt"]
    assert project.shop.shell(f"cat {STATE}/uploads/visits.txt") == "xx"
    assert "nvidia0" in after["dev"]
    # The same slot as at first: its folder was emptied, and has the metrics of the one worker.
    assert len(after["metrics"]) == 1
    assert after["metrics"] != before["metrics"]
    assert len(project.shop.shell("pgrep --full '^sleep 5555'").split()) == 1
