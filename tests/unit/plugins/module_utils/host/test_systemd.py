"""What is asked of systemctl, and what it says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of systemctl: prints its arguments, and fails when asked to."""
    program = tmp_path / "systemctl"
    program.write_text(
        '#!/bin/sh\n[ "$1" != fail ] || { echo "Unit $2 not found." >&2; exit 5; }\n'
        'if [ "$1" = show ]; then printf "MainPID=7\\nResult=exit=code\\n"; else echo "$@"; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return program


@pytest.mark.usefixtures("systemctl")
def test_systemctl_refuses_with_its_own_words() -> None:
    assert systemd.systemctl("start", "a.service") == "start a.service\n"
    assert systemd.systemctl("fail", "a.service", check=False) == ""
    with pytest.raises(
        Refusal, match=r"^systemctl fail a\.service failed: Unit a\.service not found\.$"
    ):
        systemd.systemctl("fail", "a.service")


@pytest.mark.usefixtures("systemctl")
def test_show_returns_every_property_that_decides_something() -> None:
    assert systemd.show("a.service") == {
        "ActiveState": "",
        "SubState": "",
        "Result": "exit=code",
        "MainPID": "7",
        "NRestarts": "",
        "ExecMainStatus": "",
        "ControlGroup": "",
        "Job": "",
    }


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A systemctl that knows a and b, of which b starts at boot; `old-` units it does not name.

    Return what it was asked since.
    """
    program = tmp_path / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n[ "$1" = is-enabled ] || exit 0\nshift\n'
        'for unit; do case $unit in b.*) echo enabled;; old-*) echo "No such file" >&2;; '
        "a.*) echo disabled;; *) echo not-found;; esac; done\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def asked() -> list[str]:
        lines = tmp_path / "calls"
        return lines.read_text().splitlines() if lines.exists() else []

    return asked


@pytest.mark.parametrize(
    ("units", "enabled", "asked"),
    [
        ([], set(), []),
        (["a.socket", "b.service"], {"b.service"}, ["is-enabled a.socket b.service"]),
        (["none.socket", "b.service"], {"b.service"}, ["is-enabled none.socket b.service"]),
        (
            ["old-a.socket", "b.service"],
            {"b.service"},
            [
                "is-enabled old-a.socket b.service",
                "is-enabled old-a.socket",
                "is-enabled b.service",
            ],
        ),
    ],
    ids=["none", "one call", "one without a file", "a version that says nothing of it"],
)
def test_enabled_are_those_that_start_at_boot(
    calls: Callable[[], list[str]], units: list[str], enabled: set[str], asked: list[str]
) -> None:
    assert systemd.enabled(units) == enabled
    assert calls() == asked


def test_verbs_are_told_all_units_at_once_and_a_reload_is_one_call(
    calls: Callable[[], list[str]],
) -> None:
    systemd.for_units("enable", ["a.socket", "b.service"], systemd.WITHOUT_RELOAD)
    systemd.for_units("disable", [], systemd.WITHOUT_RELOAD)
    systemd.reload()
    assert calls() == ["enable --quiet --no-reload a.socket b.service", "daemon-reload"]
