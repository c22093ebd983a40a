"""The module around the transaction: what it refuses, what it reports, what it asks of systemd."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.servers import module as shared
from ansible_collections.asgi.fleet.plugins.module_utils.servers.service import SystemServer
from ansible_collections.asgi.fleet.plugins.module_utils.servers.transaction import Trial
from ansible_collections.asgi.fleet.plugins.modules import nginx_config

Run = Callable[..., dict[str, Any]]


class Systemd:
    """A systemd that has nginx running, and notes what it is told."""

    def __init__(self) -> None:
        self.answers = {"is-active": "active\n", "is-enabled": "enabled\n", "show": "no\n"}
        self.told: list[str] = []

    def __call__(self, verb: str, *_: str, check: bool = True) -> str:
        if check:
            self.told.append(verb)
        return self.answers.get(verb, "")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Systemd:
    asked = Systemd()
    monkeypatch.setattr(systemd, "systemctl", asked)
    monkeypatch.setattr(SystemServer, "test", lambda *_: Trial())
    monkeypatch.setattr(shared, "UNIT_FOLDER", str(tmp_path / "system"))
    monkeypatch.setattr(shared, "RUN_FOLDER", str(tmp_path))
    return asked


@pytest.fixture
def configure(run_module: Run, asked: Systemd, tmp_path: Path) -> Run:
    del asked
    (tmp_path / "nginx").touch()
    (tmp_path / "etc").mkdir()
    return partial(
        run_module,
        nginx_config,
        directory=str(tmp_path / "etc"),
        executable=str(tmp_path / "nginx"),
    )


def test_a_drop_in_alone_is_read_by_systemd_and_once(
    configure: Run, asked: Systemd, tmp_path: Path
) -> None:
    unit = tmp_path / "system" / "nginx.service.d" / "fleet.conf"
    answers = [configure(unit_files={str(unit): "[Service]\n"}) for _ in range(2)]
    assert [(answer["changed"], answer["action"]) for answer in answers] == [
        (True, "none"),
        (False, "none"),
    ]
    assert answers[0]["diff"][0]["after"] == "[Service]\n"
    assert asked.told == ["daemon-reload"]
    assert unit.read_text() == "[Service]\n"


def test_a_drop_in_that_systemd_has_not_read_is_read(
    configure: Run, asked: Systemd, tmp_path: Path
) -> None:
    units = {str(tmp_path / "system" / "fleet.conf"): "[Service]\n"}
    configure(unit_files=units)
    asked.answers["show"] = "yes\n"
    answer = configure(unit_files=units)
    assert (answer["changed"], answer["diff"]) == (True, [])
    assert asked.told == ["daemon-reload", "daemon-reload"]


def test_check_mode_tests_and_touches_nothing(
    configure: Run, asked: Systemd, tmp_path: Path
) -> None:
    site, unit = tmp_path / "etc" / "site.conf", tmp_path / "system" / "fleet.conf"
    files = {"files": {str(site): "server {}"}, "unit_files": {str(unit): "[Service]\n"}}
    asked.answers["is-enabled"] = "disabled\n"
    answer = configure(**files, enabled=True, _ansible_check_mode=True)
    assert (answer["changed"], answer["action"], answer["tested"]) == (True, "reloaded", True)
    assert [entry["after_header"] for entry in answer["diff"]] == [str(site), str(unit)]
    assert asked.told == []
    assert not site.exists()
    assert not unit.parent.exists()
    waiting = configure(**files, requires=["/nowhere"], _ansible_check_mode=True)
    assert (waiting["changed"], waiting["tested"]) == (True, False)


def test_check_mode_passes_on_a_bare_host(configure: Run, asked: Systemd, tmp_path: Path) -> None:
    (tmp_path / "nginx").unlink()
    (tmp_path / "etc").rmdir()
    asked.answers = {"is-active": "inactive\n"}
    answer = configure(
        files={str(tmp_path / "etc" / "site.conf"): "server {}"},
        enabled=True,
        _ansible_check_mode=True,
    )
    assert (answer["changed"], answer["action"], answer["tested"]) == (True, "started", False)


def test_a_bare_host_is_refused_outside_check_mode(configure: Run, tmp_path: Path) -> None:
    (tmp_path / "nginx").unlink()
    answer = configure(files={str(tmp_path / "etc" / "site.conf"): "server {}"})
    assert answer["failed"]
    assert answer["msg"] == (
        f"nginx is not at {tmp_path}/nginx; expected an installed nginx; install the package "
        "nginx first, or set executable"
    )


def test_it_is_started_with_the_host_if_asked_to(
    configure: Run, asked: Systemd, tmp_path: Path
) -> None:
    unit = {str(tmp_path / "system" / "fleet.conf"): "[Service]\n"}
    asked.answers["is-enabled"] = "disabled\n"
    assert configure(unit_files=unit, enabled=True)["changed"]
    assert asked.told == ["daemon-reload", "enable"]


def test_asked_for_nothing_it_starts_nothing(configure: Run, asked: Systemd) -> None:
    asked.answers["is-active"] = "inactive\n"
    answer = configure()
    assert (answer["changed"], answer["action"], asked.told) == (False, "none", [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"files": {"/etc/passwd": "x"}}, "is outside of the configuration; expected a path below"),
        (
            {"unit_files": {"/etc/passwd": "x"}},
            "is outside of systemd's configuration; expected a path below",
        ),
    ],
)
def test_paths_of_other_places_are_refused(
    configure: Run, arguments: dict[str, Any], told: str
) -> None:
    answer = configure(**arguments)
    assert answer["failed"]
    assert answer["msg"].startswith(f"the path /etc/passwd {told}")
