"""uv on a host: its program alone, in a folder of its version, put there in one step.

It comes from its wheel, which is one of those that the lock names, or does not count. pip brings
the wheel, since a host without uv has nothing better; or the operator does.
"""

# ansible-test asks for run_command, which prints what it runs.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import remove_tree, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import PATH
from ansible_collections.asgi.fleet.plugins.module_utils.releases.advice import advised
from ansible_collections.asgi.fleet.plugins.module_utils.releases.network import (
    pip_environment,
    tool_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import shown_of

#: Seconds that bringing the wheel may take, and to wait for another run that does so.
PATIENCE = 900
PYTHON = "/usr/bin/python3"
#: What uv is built for, as uname(1) calls it.
MACHINES = ("x86_64", "aarch64", "armv7l", "armv6l", "i686", "ppc64le", "riscv64", "s390x")


@dataclass(frozen=True)
class Program:
    """Which uv, where, and where from.

    Attributes:
        folder: The folder of the version; the program is bin/uv below it.
        version: Its version.
        requirements: The lock, with the hash of each of its wheels.
        environment: Variables of uv about the network, from which pip's own follow.
        wheel: A wheel on this host; empty to let pip bring one.
        prefix: Prefix of the variables that messages name.
        root: "/" on a host, and a folder in tests.
    """

    folder: str
    version: str
    requirements: str
    environment: Mapping[str, str] = field(default_factory=dict)
    wheel: str = ""
    prefix: str = "python_release_"
    root: str = "/"

    @property
    def path(self) -> str:
        """The program itself."""
        return os.path.join(self.folder, "bin", "uv")

    @property
    def is_there(self) -> bool:
        """Whether the host has it."""
        return os.access(self.path, os.X_OK)


def install(program: Program) -> None:
    """Put uv there, unless another run has done so meanwhile.

    Raises:
        BuildError: It cannot be had, or is not what the lock names; nothing was changed.
    """
    busy = BuildError(
        f"another run has been installing uv on this host for more than {PATIENCE} s; wait for it "
        "to end and run again"
    )
    with locked("uv", PATIENCE, busy, program.root):
        if program.is_there:
            return
        parent = os.path.dirname(program.folder)
        if not os.path.isdir(parent):
            os.makedirs(parent)
            os.chmod(parent, 0o755)  # noqa: S103 (no secrets, and the builds run it)
        # Beside its place, to be renamed; never in /tmp, which may forbid programs or be too small.
        with tempfile.TemporaryDirectory(prefix=f".{program.version}.", dir=parent) as scratch:
            wheel = program.wheel or _brought_by_pip(program, scratch)
            check_wheel(program, wheel)
            made = os.path.join(scratch, "made")
            _unpack(wheel, made)
            _try(program, wheel, os.path.join(made, "bin", "uv"))
            with contextlib.suppress(FileNotFoundError):
                # What an interrupted installation has left there.
                os.lstat(program.folder)
                remove_tree(program.folder)
            os.rename(made, program.folder)


def check_wheel(program: Program, wheel: str) -> None:
    """Refuse a wheel that the lock does not name.

    Raises:
        BuildError: It is of another version, has another content, or cannot be read.
    """
    wanted = f"a wheel of uv {program.version} that the role's uv-requirements.txt names"
    if not os.path.basename(wheel).startswith(f"uv-{program.version}-"):
        raise BuildError(f"the wheel of uv is {wheel}; expected {wanted}; get that one")
    digest = hashlib.sha256()
    try:
        with open(wheel, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise BuildError(
            f"the wheel of uv is {wheel}, which cannot be read ({error.strerror}); "
            f"expected {wanted}"
        ) from error
    if f"--hash=sha256:{digest.hexdigest()}" not in program.requirements.split():
        raise BuildError(
            f"the wheel of uv is {wheel} with the SHA-256 {digest.hexdigest()}; expected {wanted}; "
            "somebody has changed it, or it is damaged: get it again"
        )


def _unpack(wheel: str, folder: str) -> None:
    """Write the program of a wheel, with modes that do not depend on the umask."""
    target = os.path.join(folder, "bin", "uv")
    os.makedirs(os.path.dirname(target))
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/scripts/uv", name)]
        if len(names) != 1:
            raise BuildError(f"{wheel} has no program uv; get uv's wheel for this host again")
        with archive.open(names[0]) as source, open(target, "wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
    for path in (folder, os.path.dirname(target), target):
        os.chmod(path, 0o755)  # noqa: S103 (the same)


def _try(program: Program, wheel: str, path: str) -> None:
    """Refuse a program that this host cannot run: a wheel of another platform."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        told = "" if done.returncode == 0 else (done.stderr or done.stdout)
    except OSError as error:
        told = str(error.strerror)
    if told:
        raise BuildError(
            f"{os.path.basename(wheel)} does not run on this host, {platform.machine()} with "
            f"{' '.join(platform.libc_ver()) or 'another C library than glibc'}; expected uv "
            f"{program.version} for it: {told.strip()}"
        )


def _brought_by_pip(program: Program, scratch: str) -> str:
    """Return the path of the wheel that pip has chosen, downloaded and compared with the lock."""
    requirements = os.path.join(scratch, "requirements.txt")
    write_file(requirements, program.requirements, 0o600)
    venv = os.path.join(scratch, "venv")
    store = SYSTEM_AUTHORITIES if os.path.exists(SYSTEM_AUTHORITIES) else ""
    told = pip_environment(tool_environment(program.environment, os.environ, store=store))
    # Without a home, as a build has none: no .netrc and no pip.conf of whoever logs in. Those of
    # the host, /etc/pip.conf and /etc/uv/uv.toml, do count.
    environment = {"PATH": PATH, "HOME": "/", "LC_ALL": "C.UTF-8", **told}
    made = _run([PYTHON, "-m", "venv", venv], environment)
    if made.returncode != 0:
        raise BuildError(
            "no virtual environment can be made to bring uv; expected the package python3-venv of "
            f"the distribution:\n{shown_of(made.stdout + made.stderr, told)}"
        )
    command = [os.path.join(venv, "bin", "python"), "-m", "pip", "download", "-vv"]
    command += ["--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    # Nothing of it is run to install it.
    command += ["--only-binary=:all:", "--no-deps", "--require-hashes"]
    command += ["--requirement", requirements, "--dest", scratch]
    brought = _run(command, environment)
    wheels = glob.glob(os.path.join(glob.escape(scratch), "uv-*.whl"))
    if brought.returncode == 0 and wheels:
        return wheels[0]
    said = _reasons(brought.stdout + brought.stderr)
    helps = _no_wheel(said, platform.machine()) or advised(said, program.prefix)
    advice = "".join(f"; {one}" for one in helps)
    raise BuildError(
        f"uv {program.version} cannot be brought to this host by pip; nothing was changed{advice}"
        f":\n{shown_of(said, told)}"
    )


def _no_wheel(said: str, machine: str) -> list[str]:
    """Return what to do on a machine for which there is no wheel of uv, if that is the reason.

    Args:
        said: What pip printed.
        machine: As uname(1) calls it.
    """
    if machine in MACHINES or "No matching distribution found" not in said:
        return []
    return [
        f"uv has no wheel for {machine}; expected one of {', '.join(MACHINES)}; deploy to a host "
        "that is one"
    ]


def _reasons(output: str) -> str:
    """Return what pip says of a failure: the reason why an index gave nothing is but a detail."""
    told = [
        line
        for line in output.splitlines()
        if line.lstrip().startswith(("Could not fetch URL", "ERROR:", "WARNING:"))
    ]
    return "\n".join(dict.fromkeys(told)) or output


def _run(
    command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {PATIENCE} s")


def bring_wheel(program: Program, folder: str) -> str:
    """Bring the wheel for another host, and return the name of its file.

    Args:
        program: Which uv; nothing is installed.
        folder: Where the wheel goes; it belongs to the owner of that folder then.

    Raises:
        BuildError: It cannot be had, or is not what the lock names.
    """
    parent = os.path.dirname(program.folder)
    with tempfile.TemporaryDirectory(prefix=f".{program.version}.", dir=parent) as scratch:
        wheel = _brought_by_pip(program, scratch)
        check_wheel(program, wheel)
        name = os.path.basename(wheel)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        target = os.open(os.path.join(folder, name), flags, 0o600)
        with open(wheel, "rb") as source, os.fdopen(target, "wb") as file:
            shutil.copyfileobj(source, file)
            owner = os.stat(folder)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    return name
