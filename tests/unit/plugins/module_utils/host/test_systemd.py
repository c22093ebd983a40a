"""What is asked of systemctl, and what it says."""

from __future__ import annotations

import os
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
    }
