"""certbot on a host: a virtual environment for each lock, put there in one step.

pip makes it, not uv: a host gets uv with its first release, and a certificate before that.
"""

# ansible-test asks for run_command, which prints what it runs.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
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
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import shown_of

#: Seconds that pip may take, and to wait for another run that does so.
PATIENCE = 600
FOLDER = "opt/acme_client"
PYTHON = "/usr/bin/python3"


class ClientError(Exception):
    """The client cannot be installed; the message says why."""


@dataclass(frozen=True)
class Client:
    """Which client, and where from.

    Attributes:
        lock: Text of the requirements, with the hash of each file.
        environment: Variables of uv about the network, from which pip's own follow.
        root: "/" on a host, and a folder in tests.
    """

    lock: str
    environment: Mapping[str, str] = field(default_factory=dict)
    root: str = "/"

    @property
    def folder(self) -> str:
        """Its virtual environment: another for another lock, or another Python of the host."""
        told = f"{self.lock}\n{sys.version_info[:2]}"
        digest = hashlib.sha256(told.encode()).hexdigest()[:12]
        return os.path.join(self.root, FOLDER, digest)

    @property
    def python(self) -> str:
        """Its interpreter."""
        return os.path.join(self.folder, "bin", "python")

    @property
    def is_there(self) -> bool:
        """Whether the host has it."""
        return os.access(self.python, os.X_OK)


def install(client: Client) -> None:
    """Put the client there, unless another run has done so meanwhile.

    Raises:
        ClientError: It cannot be had, or is not what the lock names; nothing was changed.
    """
    busy = ClientError(
        f"another run has been installing the ACME client for more than {PATIENCE} s; wait for it "
        "to end and run again"
    )
    with locked("acme_client", PATIENCE, busy, client.root):
        if client.is_there:
            return
        parent = os.path.dirname(client.folder)
        os.makedirs(parent, mode=0o755, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".acme_client.", dir=parent) as scratch:
            made = os.path.join(scratch, "venv")
            _make(client, made, scratch)
            os.chmod(made, 0o755)  # noqa: S103 (no secrets, and accounts of their own run it)
            os.rename(made, client.folder)


def _make(client: Client, made: str, scratch: str) -> None:
    lock = os.path.join(scratch, "requirements.txt")
    write_file(lock, client.lock, 0o600)
    store = SYSTEM_AUTHORITIES if os.path.exists(SYSTEM_AUTHORITIES) else ""
    told = pip_environment(tool_environment(client.environment, os.environ, store=store))
    environment = {"PATH": PATH, "HOME": "/", "LC_ALL": "C.UTF-8", **told}
    python = os.path.join(made, "bin", "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--no-cache-dir"]
    # Nothing is built, so nothing of it runs at the installation.
    pip += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes", "-r", lock]
    for command in ([PYTHON, "-m", "venv", made], pip):
        try:
            done = subprocess.run(
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
            raise ClientError(
                f"pip gave no answer within {PATIENCE} s; nothing was changed"
            ) from None
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            advice = "".join(f"; {one}" for one in advised(said, "python_release_"))
            raise ClientError(
                "the ACME client, certbot, cannot be installed on this host by pip; nothing was "
                f"changed{advice}:\n{shown_of(said, told)}"
            )
