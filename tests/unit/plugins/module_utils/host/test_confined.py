"""How a confined run is asked for, and how its end is told; systemd itself is on real hosts."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import (
    Confinement,
    ConfinementError,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox

#: Notes its arguments and the environment file, then runs the program that comes after `--`.
SYSTEMD_RUN = """#!/bin/sh
printf '%s\\n' "$@" > {folder}/arguments
for argument; do
    case $argument in
        --property=EnvironmentFile=*) cat "${{argument#*EnvironmentFile=}}" > {folder}/environment
            stat -c %a "${{argument#*EnvironmentFile=}}" > {folder}/mode;;
    esac
done
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a systemd-run that starts the program itself, and the answer of `show`."""
    for name, text in {
        "systemd-run": SYSTEMD_RUN.format(folder=tmp_path),
        "systemctl": f'#!/bin/sh\necho "$@" >> {tmp_path}/systemctl.log\n'
        f'[ "$1" != show ] || cat {tmp_path}/state\n',
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(confined, "RUNTIME", str(tmp_path))
    monkeypatch.setattr(confined, "TRANSIENT", str(tmp_path / "transient"))
    state(tmp_path, "exit-code", 1, 3)
    return tmp_path


def state(
    folder: Path, result: str, code: int, status: int, load: str = "loaded", seconds: float = 20.1
) -> None:
    (folder / "state").write_text(
        f"LoadState={load}\nResult={result}\nExecMainCode={code}\nExecMainStatus={status}\n"
        "ExecMainStartTimestampMonotonic=5000000\n"
        f"ExecMainExitTimestampMonotonic={5_000_000 + seconds * 1_000_000:.0f}\n"
    )


CONFINEMENT = Confinement(
    unit="asgi-fleet-shop-hook",
    user="shop",
    folder="/opt/shop/releases/1.0/src",
    timeout=20,
    environment={"TOKEN": "s3cret\n$value"},
    properties=[("StateDirectory", "shop/state")],
    sandbox=Sandbox(options={"MemoryDenyWriteExecute": "no", "Restart": "no", "ExecStartPre": "x"}),
)


def test_program_runs_with_its_environment_in_a_file_of_root(folder: Path) -> None:
    outcome = confined.run(["/bin/echo", "done"], CONFINEMENT)
    assert (outcome.status, outcome.output, outcome.problem) == (0, "done\n", "")
    arguments = (folder / "arguments").read_text()
    assert "s3cret" not in arguments
    assert (folder / "mode").read_text() == "600\n"
    assert 'TOKEN="s3cret\n\\$value"' in (folder / "environment").read_text()
    assert list(folder.glob(".asgi-fleet-*")) == []


def test_unit_is_asked_for_with_the_sandbox_and_what_confines_of_its_options(folder: Path) -> None:
    confined.run(["/bin/true"], CONFINEMENT)
    arguments = (folder / "arguments").read_text().splitlines()
    for wanted in (
        "--unit=asgi-fleet-shop-hook",
        "--property=User=shop",
        "--property=WorkingDirectory=/opt/shop/releases/1.0/src",
        "--property=TimeoutStartSec=20",
        # Of a daemon, systemd takes an end by SIGTERM for a success.
        "--service-type=oneshot",
        "--property=NoNewPrivileges=yes",
        "--property=StateDirectory=shop/state",
        "--property=UMask=0027",
    ):
        assert wanted in arguments
    # The later one wins.
    assert arguments.index("--property=MemoryDenyWriteExecute=no") > arguments.index(
        "--property=MemoryDenyWriteExecute=yes"
    )
    assert not [one for one in arguments if "Restart=" in one or "ExecStartPre" in one]


def test_dollar_of_a_command_is_not_a_variable_of_systemd(folder: Path) -> None:
    confined.run(["/bin/echo", "${HOME} $$"], CONFINEMENT)
    assert (folder / "arguments").read_text().endswith("--\n/bin/echo\n$${HOME} $$$$\n")


@pytest.mark.parametrize(
    ("result", "code", "status", "told"),
    [
        ("exit-code", 1, 3, "exit status 3"),
        ("exit-code", 1, 226, "exit status 226; if systemd gave it: systemd.exec(5)"),
        ("timeout", 2, 15, "it did not end within 20 s and was killed"),
        # It heeded the SIGTERM of its limit.
        ("timeout", 1, 0, "it did not end within 20 s and was killed"),
        ("oom-kill", 2, 9, "it was killed because it used more memory than it may"),
        ("signal", 2, 9, "it was killed by signal 9"),
        ("signal", 2, 15, "it was killed by signal 15"),
    ],
)
def test_end_that_is_no_success_is_described(
    folder: Path, result: str, code: int, status: int, told: str
) -> None:
    state(folder, result, code, status)
    outcome = confined.run(["/bin/sh", "-c", "echo so; exit 3"], CONFINEMENT)
    assert (outcome.status, outcome.output) == (3, "so\n")
    assert outcome.problem.startswith(told)
    assert outcome.timed_out == (result == "timeout")
    assert "reset-failed asgi-fleet-shop-hook.service" in (folder / "systemctl.log").read_text()


@pytest.mark.parametrize(("status", "problem"), [(0, ""), (7, "exit status 7")])
def test_child_that_heeds_no_sigterm_does_not_change_how_its_program_ended(
    folder: Path, status: int, problem: str
) -> None:
    """Result=timeout then tells of the child: the program had ended long before its limit."""
    state(folder, "timeout", 1, status, seconds=19.9)
    outcome = confined.run(["/bin/sh", "-c", "exit 1"], CONFINEMENT)
    assert (outcome.status, outcome.problem, outcome.timed_out) == (status, problem, False)


def test_program_that_systemd_does_not_start_is_an_error_with_its_reason(folder: Path) -> None:
    state(folder, "success", 0, 0, load="not-found")
    with pytest.raises(ConfinementError, match=r"did not start \S+\.service: Unknown"):
        confined.run(["/bin/sh", "-c", "echo Unknown assignment; exit 1"], CONFINEMENT)


def test_what_a_killed_run_left_is_stopped_first(folder: Path) -> None:
    (folder / "transient").mkdir()
    confined.run(["/bin/true"], CONFINEMENT)
    assert not (folder / "systemctl.log").exists()
    (folder / "transient" / "asgi-fleet-shop-hook.service").touch()
    (folder / ".asgi-fleet-shop-hook.x1").write_text("TOKEN=s3cret")
    confined.run(["/bin/true"], CONFINEMENT)
    assert list(folder.glob(".asgi-fleet-*")) == []
    assert (folder / "systemctl.log").read_text().startswith("stop asgi-fleet-shop-hook.service\n")


@pytest.mark.usefixtures("folder")
def test_only_the_end_of_the_output_is_kept() -> None:
    code = "import sys; sys.stdout.write('x' * 300000 + 'end')"
    output = confined.run([sys.executable, "-c", code], CONFINEMENT).output
    assert len(output) == confined.KEPT_BYTES
    assert output.endswith("xend")


def test_interrupted_run_stops_its_unit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(confined, "_read_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        confined.run(["/bin/true"], CONFINEMENT)
    assert (folder / "systemctl.log").read_text() == "stop asgi-fleet-shop-hook.service\n"


def test_systemd_that_does_not_answer_ends_the_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined, "MARGIN_SECONDS", -19.7)
    state(folder, "success", 0, 0)
    with pytest.raises(ConfinementError):
        confined.run(["/bin/sleep", "30"], CONFINEMENT)


@pytest.mark.parametrize(("status", "output"), [(0, "answer\n"), (3, "error\n")])
@pytest.mark.usefixtures("folder")
def test_answer_is_apart_from_errors(status: int, output: str) -> None:
    command = ["/bin/sh", "-c", f"echo answer; echo error >&2; exit {status}"]
    assert confined.run(command, CONFINEMENT, answers=True).output == output


@pytest.mark.parametrize("patient", [False, True])
def test_program_ends_with_the_controller_unless_it_is_patient(
    folder: Path, monkeypatch: pytest.MonkeyPatch, patient: bool
) -> None:
    def gone() -> None:
        raise ControllerGone("gone")

    monkeypatch.setattr(confined, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(confined, "require_controller", gone)
    command = ["/bin/sh", "-c", "exec sleep 0.5"]
    if patient:
        assert confined.run(command, replace(CONFINEMENT, patient=True)).status == 0
        return
    with pytest.raises(ControllerGone):
        confined.run(command, CONFINEMENT)
    assert (folder / "systemctl.log").read_text() == "stop asgi-fleet-shop-hook.service\n"
