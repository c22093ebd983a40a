"""Builds app/Dockerfile and runs it by podman, for bench/ways.py and tests/ways."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import ROOT, START_SECONDS, answers, free_port, wait_for

#: What the Dockerfile is built from where no registry needs to be reached, and in which suite.
SUITE = "trixie"
BASE = f"localhost/asgi-fleet-python:{SUITE}"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
IMAGE = "localhost/asgi-fleet-sample:ways"
LABEL = "io.asgi.fleet.key"
#: What `podman run --stop-timeout` gets, as app/Dockerfile says.
STOP_SECONDS = 45
CA_CERTIFICATES = Path("/usr/local/share/ca-certificates")
NO_DOCUMENTS = tuple(
    f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "locale", "doc")
)


class ContainerError(Exception):
    """Podman, or what builds its images, has failed; the message has its last lines."""


def environment() -> dict[str, str]:
    """Return the environment of podman: molecule/shared/env.sh has the reason."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return dict(os.environ)
    settings = ROOT / "molecule" / "shared" / "containers-cgroup-v1.conf"
    return {**os.environ, "CONTAINERS_CONF": str(settings)}


def run(*command: str) -> str:
    """Run a command in the repository's root, and return its output.

    Raises:
        ContainerError: It failed.
    """
    result = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).splitlines()[-30:])
        shown = " ".join(command[:3])
        raise ContainerError(f"{shown} failed ({result.returncode}):\n{tail}")
    return result.stdout.strip()


def can_limit_cores() -> bool:
    """Tell whether containers can have a limit of CPU: not everybody but root may set one."""
    controllers = run("podman", "info", "--format", "{{.Host.CgroupControllers}}")
    return "cpu" in controllers.strip("[]").split()


def base() -> str:
    """Return an image with Python: FLEET_WAYS_BASE, or one of Debian's packages, made if needed."""
    if given := os.environ.get("FLEET_WAYS_BASE"):
        return given
    if shutil.which("mmdebstrap") is None:
        # The Dockerfile's own, from a registry.
        return "python:3.13-slim"
    # Where a proxy inspects TLS, pip needs its certificate as much as this machine does.
    certificates = sorted(CA_CERTIFICATES.glob("*.crt"))
    trust = (
        f'mkdir -p "$1{CA_CERTIFICATES}"; cp {CA_CERTIFICATES}/*.crt "$1{CA_CERTIFICATES}/"; '
        'chroot "$1" update-ca-certificates'
    )
    hooks = [f"--customize-hook={trust}"] if certificates else []
    recipe = (
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *(*NO_DOCUMENTS, *hooks, SUITE),
    )
    content = [" ".join(recipe).encode(), *(path.read_bytes() for path in certificates)]
    key = hashlib.sha256(b"\0".join(content)).hexdigest()[:16]
    label = f'{{{{index .Labels "{LABEL}"}}}}'
    with contextlib.suppress(ContainerError):
        if run("podman", "image", "inspect", "--format", label, BASE) == key:
            return BASE
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-base-") as folder:
        archive = str(Path(folder, "rootfs.tar"))
        run(*recipe, archive)
        run("podman", "import", "--quiet", "--change", f"LABEL {LABEL}={key}", archive, BASE)
    return BASE


def build() -> str:
    """Build the sample application's image, and return its name; the one before it is removed."""
    before = _image_id()
    run(
        *("podman", "build", "--quiet", "--format", "docker", "--file", "app/Dockerfile"),
        *("--build-arg", f"BASE={base()}", "--build-arg", "RELEASE=ways", "--tag", IMAGE, "."),
    )
    if before and before != _image_id():
        # Without a name nobody would find it again. A container may still run it.
        with contextlib.suppress(ContainerError):
            run("podman", "rmi", before)
    return IMAGE


def _image_id() -> str:
    """Return the ID of the sample application's image, or an empty string."""
    return run("podman", "images", "--quiet", "--no-trunc", IMAGE)


@dataclass(frozen=True)
class Container:
    """A container that runs; its application answers at `port` of loopback."""

    name: str
    port: int

    def execute(self, *command: str) -> str:
        """Run a command in it."""
        return run("podman", "exec", self.name, *command)

    def inspect(self, template: str) -> str:
        """Return what podman says of it."""
        return run("podman", "inspect", "--format", template, self.name)

    def log(self) -> str:
        """Return what its processes have written."""
        result = subprocess.run(
            ["podman", "logs", self.name],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return result.stdout

    def pids(self) -> list[int]:
        """Return its processes, by the machine's numbers."""
        return [int(pid) for pid in run("podman", "top", self.name, "hpid").split()[1:]]

    def stop(self) -> None:
        """Stop it; podman kills it after STOP_SECONDS."""
        run("podman", "stop", self.name)

    def restart(self) -> None:
        """Stop it and start it again, and wait until it answers."""
        run("podman", "restart", self.name)
        self.await_answer()

    def await_answer(self) -> None:
        """Wait until its application answers.

        Raises:
            ContainerError: It does not.
        """
        wait_for(lambda: answers(self.port) or not self.is_running(), START_SECONDS)
        if not answers(self.port):
            raise ContainerError(f"{self.name} does not answer:\n{self.log()[-3000:]}")

    def is_running(self) -> bool:
        """Tell whether its first process runs."""
        return self.inspect("{{.State.Running}}") == "true"


@contextmanager
def container(
    image: str, options: Sequence[str] = (), command: Sequence[str] = ()
) -> Iterator[Container]:
    """Have a container for a while, once its application answers.

    Args:
        image: What to run.
        options: Further ones of `podman run`.
        command: What to run in it, instead of the image's own.
    """
    port = free_port()
    one = Container(f"asgi-fleet-ways-{os.getpid()}-{time.monotonic_ns()}", port)
    try:
        run(
            *("podman", "run", "--detach", "--name", one.name),
            *(f"--stop-timeout={STOP_SECONDS}", f"--publish=127.0.0.1:{port}:8000"),
            *(*options, image, *command),
        )
        one.await_answer()
        yield one
    finally:
        with contextlib.suppress(ContainerError):
            run("podman", "rm", "--force", "--time=0", "--volumes", one.name)
