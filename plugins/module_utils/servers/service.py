"""A server of this host that systemd runs: what nginx and HAProxy have in common.

The configuration is tested in its own mount namespace, where a changed copy is mounted over the
real folder, so that absolute includes lead to the new files while the serving process sees the old.
"""

# ansible-test asks for the module's run_command, which this code does not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import Changes
from ansible_collections.asgi.fleet.plugins.module_utils.servers.transaction import (
    ConfigError,
    Trial,
)

#: The states in which the unit's processes serve.
ACTIVE = ("active", "reloading", "refreshing")
UNSHARE = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
TRANSIENT = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect"]
#: Directives of a drop-in that say how a service is started and ended, not what it may do.
LIFECYCLE = ("Exec", "Kill", "Restart", "Timeout", "Type", "PIDFile", "Notify", "Environment")


def confinement(drop_ins: Iterable[str]) -> list[str]:
    """Return the sandbox of drop-ins, as options of systemd-run."""
    lines = [line.strip() for text in drop_ins for line in text.splitlines()]
    return [
        f"--property={line}"
        for line in lines
        if "=" in line and line[0] not in "#;[" and not line.startswith(LIFECYCLE)
    ]


@dataclass(frozen=True)
class Installation:
    """The paths of a server, and its timeout.

    Attributes:
        directory: The folder of the configuration, absolute.
        executable: The program for the test.
        unit: The systemd unit of the server.
        timeout: Seconds that new processes may take until they serve.
        scratch: A folder for temporary files.
    """

    directory: str
    executable: str
    unit: str
    timeout: int
    scratch: str


class SystemServer(ABC):
    """What all servers have in common."""

    program: str
    """Its name, for messages."""

    test_arguments: str
    """What makes the program test the configuration in the folder `$2`, for a shell."""

    def __init__(self, place: Installation) -> None:
        self.place = place

    @abstractmethod
    def start(self) -> None:
        """Start the service."""

    @abstractmethod
    def reload(self) -> None:
        """Reload, and wait for new processes."""

    @abstractmethod
    def recover(self) -> None:
        """Do what is needed after a reload was refused and the previous files were restored."""

    @abstractmethod
    def judge(self, *, passed: bool, output: str) -> Trial:
        """Read the program's output about a configuration."""

    @property
    def installed(self) -> bool:
        """Whether the program is there."""
        return os.path.exists(self.place.executable)

    def test(self, changes: Changes, units: Changes | None = None) -> Trial:
        """Test where, only for the program, a changed copy is mounted over the configuration.

        Args:
            changes: The changes of the configuration.
            units: The changes of the service's drop-ins. The test then runs under their sandbox,
                since one that is too narrow would show only at the next restart.
        """
        script = f'mount --bind "$1" "$2" && exec "$3" {self.test_arguments}'
        sandbox = confinement(units.write.values()) if units else []
        with tempfile.TemporaryDirectory(dir=self.place.scratch) as temporary:
            stage = os.path.join(temporary, "stage")
            shutil.copytree(self.place.directory, stage, symlinks=True)
            changes.below(self.place.directory, stage).carry_out()
            command = [*UNSHARE, script]
            if sandbox:
                bind = f"--property=BindPaths={stage}:{self.place.directory}"
                script = f'exec "$3" {self.test_arguments}'
                command = [*TRANSIENT, bind, *sandbox, "sh", "-ec", script]
            result = subprocess.run(
                [*command, "sh", stage, self.place.directory, self.place.executable],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                check=False,
                # `nginx -t` makes the logs of a new site, which only root and its group may read.
                umask=0o027,
            )
        return self.judge(passed=result.returncode == 0, output=result.stdout)

    def awaits_restart(self) -> bool:
        """Return whether the process that runs was started before its sandbox was written."""
        asked = ["show", "--property=NoNewPrivileges", "--value", self.place.unit]
        if systemd.systemctl(*asked, check=False).strip() != "yes":
            return False
        try:
            status = Path("/proc", systemd.show(self.place.unit)["MainPID"], "status").read_text()
        except OSError:  # it does not run
            return False
        return "NoNewPrivs:\t0" in status

    def running(self) -> bool:
        """Return whether the service is active."""
        return systemd.systemctl("is-active", self.place.unit, check=False).strip() in ACTIVE

    def enabled(self) -> bool:
        """Return whether the service starts at boot."""
        return systemd.is_enabled(self.place.unit)

    def enable(self) -> None:
        """Have the service start at boot from now on."""
        if not self.told("enable"):
            raise ConfigError(
                f"systemd does not enable {self.place.unit}; expected a unit that can be enabled; "
                f"run systemctl enable {self.place.unit} on the host to see why"
            )

    def units_are_stale(self) -> bool:
        """Return whether systemd has not yet read the current files of the unit."""
        asked = ["show", "--property=NeedDaemonReload", "--value", self.place.unit]
        return systemd.systemctl(*asked, check=False).strip() == "yes"

    def reread_units(self) -> None:
        """Have systemd read its units again."""
        try:
            systemd.systemctl("daemon-reload")
        except systemd.Refusal as error:
            raise ConfigError(str(error)) from error

    def told(self, verb: str) -> bool:
        """Tell systemd to do something with the unit; return whether it did."""
        try:
            systemd.systemctl(verb, self.place.unit)
        except systemd.Refusal:
            return False
        return True
