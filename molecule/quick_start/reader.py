"""The reader who has a page open, and types what it says on a machine of their own."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from events import ROOT, Shop

SCENARIO = Path(__file__).parent
REPOSITORY = "https://github.com/asgi-fleet/asgi.fleet"
#: What stands in the pages for the address of the reader's host.
HOST = "192.0.2.11"
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com")


@dataclass
class Reader:
    """Types the blocks of pages, in which only addresses are replaced.

    Attributes:
        folder: Of this session, on the machine that runs the test.
        machines: The reader's machine and host.
        address: Of the reader's host.
        stays: In which folder the reader is, and what is exported: as text of a shell.
    """

    folder: Path
    machines: Shop
    address: str
    stays: str = field(default="cd ~")

    @classmethod
    def arrived(cls, folder: Path) -> Self:
        """Return a reader who has not typed anything yet."""
        machines = Shop.connected(folder, SCENARIO / "inventory", "laptop")
        address = machines.shell("hostname --all-ip-addresses", "web1").split()[0]
        return cls(folder, machines, address)

    def may_clone(self) -> None:
        """Have the address of the repository lead to this clone, with what is not committed yet."""
        index = {**os.environ, "GIT_INDEX_FILE": str(self.folder / "index")}
        for command in (["read-tree", "HEAD"], ["add", "--all"]):
            subprocess.run(["git", *command], cwd=ROOT, env=index, check=True)
        tree = _git("write-tree", env=index)
        commit = _git(*AUTHOR, "commit-tree", tree, "-m", "What the pages are tested with")
        bare = self.folder / "repository"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
        _git("push", "--quiet", str(bare), f"{commit}:refs/heads/main")
        packed = subprocess.run(
            ["tar", "--create", "--directory", self.folder, "repository"],
            capture_output=True,
            check=True,
        ).stdout
        # git is not there yet: what it will read is only files.
        settings = f'[url "/srv/repository"]\n\tinsteadOf = {REPOSITORY}\n'
        settings += "[safe]\n\tdirectory = /srv/repository\n"
        unpack = "tar --extract --no-same-owner --directory /srv"
        for script, content in (
            (unpack, packed),
            ("cat >/etc/gitconfig", settings.encode()),
        ):
            subprocess.run([*self.machines.ssh["laptop"], script], input=content, check=True)

    def type(self, script: str, names: Mapping[str, str] | None = None) -> str:
        """Type a block as it stands in a page, and return what is printed.

        Args:
            script: The block.
            names: What else stands in the page, and what it is here.
        """
        result = self.tries(script, names)
        assert result.returncode == 0, (script, result.stdout[-6000:])
        return result.stdout

    def tries(
        self, script: str, names: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Type a block that may fail."""
        for name, real in {HOST: self.address, **(names or {})}.items():
            script = script.replace(name, real)
        # A line that fails ends the block, whatever the page has after it.
        file = "/tmp/typed"
        lines = f"{self.stays}\nset -eo pipefail\n{script}\n"
        subprocess.run(
            [*self.machines.ssh["laptop"], f"cat >{file}; chmod 644 {file}"],
            input=lines,
            text=True,
            check=True,
        )
        return subprocess.run(
            [*self.machines.ssh["laptop"], f"runuser -l ada -c {shlex.quote(f'bash {file}')} 2>&1"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _git(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
