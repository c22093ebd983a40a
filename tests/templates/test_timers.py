"""The units of timers as Ansible renders them: valid to systemd, and in the service's world."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    is_ours_by_header,
)
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import Timer, parse
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.exec_line import exec_line

from tests.templates.test_gunicorn_service import OTHERWISE, REQUIRED, directives, last

REPORT: dict[str, Any] = {
    "name": "report",
    "command": """python -m shop.report --share 5% "$HOME" 'a b' \\n""",
    "schedule": "*-*-* 02:30 UTC",
    "persistent": False,
    "once_per_fleet": False,
    "jitter": 0,
    "timeout": 60,
    "memory_mb": 100,
    "stop_signal": "SIGINT",
}
EVERYTHING = {
    **REPORT,
    "name": "nightly-sync",
    "persistent": True,
    "once_per_fleet": True,
    "jitter": 30,
}
#: What only a slot has, and what only a timer's run has.
OF_THE_SLOT = {"Requires", "StartLimitBurst", "NotifyAccess", "RestartSec", "OOMPolicy"}
OWN = {"KillSignal"}


@pytest.fixture
def render(render_role: Callable[..., Any]) -> Callable[..., list[Timer]]:
    """Return the timers of a slot."""

    def rendered(slot: str, *timers: dict[str, Any], **changed: object) -> list[Timer]:
        files = render_role(
            "gunicorn_service",
            f"__gunicorn_service_{slot}",
            **{**REQUIRED, **changed, "gunicorn_service_timers": list(timers)},
        )
        return parse(Application("shop"), files["timers"])

    return rendered


Render = Callable[..., list[Timer]]


def test_role_without_timers_has_an_empty_file(render: Render) -> None:
    assert render("blue") == []


@pytest.mark.parametrize("changed", [{}, OTHERWISE], ids=["default", "alternative"])
def test_run_is_in_the_world_of_the_service(
    render: Render, render_role: Callable[..., Any], changed: dict[str, Any]
) -> None:
    (timer,) = render("green", REPORT, **changed)
    files = render_role("gunicorn_service", "__gunicorn_service_green", **{**REQUIRED, **changed})
    run, service = directives(timer.service), directives(files["service"])
    different = {
        *("Description", "After", "Wants", "WantedBy", "Type", "ExecStart", "RuntimeDirectory"),
        *("Restart", "KillMode", "TimeoutStartSec", "TimeoutStopSec", "MemoryMax", "TasksMax"),
        *("StartLimitIntervalSec", "LimitNOFILE"),
        *OF_THE_SLOT,
        *OWN,
    }
    assert [one for one in run if one[0] not in different] == [
        one for one in service if one[0] not in different
    ]
    assert last(timer.service)["RuntimeDirectory"] == "shop/timer-report"
    assert ("EnvironmentFile", "/etc/shop/green/environment") in run


def test_run_ends_as_its_keys_say_whatever_the_service_has(render: Render) -> None:
    options = {"TimeoutStartSec": "1", "Restart": "always", "KillMode": "process", "Nice": "5"}
    (timer,) = render("blue", REPORT, gunicorn_service_service_options=options)
    values = last(timer.service)
    assert (values["Type"], values["Restart"], values["Nice"]) == ("oneshot", "no", "5")
    assert (values["TimeoutStartSec"], values["TimeoutStopSec"]) == ("60", "30")
    assert (values["KillSignal"], values["KillMode"]) == ("SIGINT", "control-group")
    assert (values["MemoryMax"], values["StartLimitIntervalSec"]) == ("100M", "0")


def test_timer_elapses_as_its_keys_say(render: Render) -> None:
    plain, full = render("blue", REPORT, EVERYTHING)
    assert last(plain.timer) == {
        "Description": "shop, when its timer report elapses",
        "OnCalendar": "*-*-* 02:30 UTC",
        "AccuracySec": "1us",
        "WantedBy": "timers.target",
    }
    assert last(full.timer) == {
        "Description": "shop, when its timer nightly-sync elapses",
        "OnCalendar": "*-*-* 02:30 UTC",
        "Persistent": "yes",
        "RandomizedDelaySec": "30",
        "AccuracySec": "1us",
        "OncePerFleet": "yes",
        "WantedBy": "timers.target",
    }
    assert (full.is_once, full.is_persistent, plain.is_once) == (True, True, False)


def test_command_is_the_same_for_both_slots(render: Render) -> None:
    """Or systemd would lose the place of a run that goes on when it reads the other slot's unit."""
    lines = {last(render(slot, REPORT)[0].service)["ExecStart"] for slot in ("blue", "green")}
    assert lines == {
        "/usr/bin/flock --shared --no-fork . /bin/sh -c "
        '"python -m shop.report --share 5%% \\"$$HOME\\" \'a b\' \\\\n"'
    }


def test_metrics_of_a_run_go_to_its_own_folder(render: Render) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": "/run/shop/metrics"}
    (timer,) = render("blue", REPORT, gunicorn_service_environment=environment)
    assert (
        " /usr/bin/env PROMETHEUS_MULTIPROC_DIR=/run/shop/timer-report /bin/sh -c "
        in (last(timer.service)["ExecStart"])
    )


def test_units_carry_the_mark_that_a_removal_looks_for(render: Render, tmp_path: Path) -> None:
    for timer in render("blue", REPORT, EVERYTHING):
        for text in (timer.timer, timer.service):
            path = tmp_path / "unit"
            path.write_text(text)
            assert is_ours_by_header(str(path), Application("shop"))
            assert not is_ours_by_header(str(path), Application("shop-api"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="without systemd")
def test_systemd_accepts_the_units(render: Render, tmp_path: Path) -> None:
    paths = []
    for timer in render("blue", REPORT, EVERYTHING):
        for unit, text in (
            (timer.service_unit, timer.service),
            (timer.timer_unit, timer.timer),
        ):
            paths.append(tmp_path / unit)
            paths[-1].write_text(text)
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in result.stderr.splitlines() if "shop@" in line] == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["/bin/true"], "/bin/true"),
        (["echo", "a b", ""], 'echo "a b" ""'),
        (["echo", "50%", "$HOME", '"', "\\"], 'echo "50%%" "$$HOME" "\\"" "\\\\"'),
        (["echo", "ü;"], 'echo "ü;"'),
    ],
)
def test_words_reach_the_program_as_they_stand(words: list[str], line: str) -> None:
    assert exec_line(words) == line
