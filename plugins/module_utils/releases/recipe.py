"""What a release is made of, and how the tools that make it are run."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Lines of a tool's output that a refusal shows.
SHOWN_LINES = 30


class BuildError(Exception):
    """The release cannot be built; the message says why, and no incomplete release is left."""


@dataclass(frozen=True)
class Recipe:
    """What a release is made of."""

    path: str
    kind: str
    uv: str
    module: str
    user: str
    #: The tree's tar or the wheel, on this host; unused for a package.
    archive: str = ""
    #: `name[extras]==version` of a package.
    package: str = ""
    index: str = ""
    find_links: str = ""
    #: auto, or one of DEPENDENCY_FILES.
    dependencies: str = "auto"
    #: Version of the interpreter; empty for the host's python3.
    python: str = ""
    python_mirror: str = ""
    #: Packages that the platform needs in the venv, unless the application brings its own.
    server_packages: Sequence[str] = ()
    #: Hashed locks: of those packages, and of what builds a package from its source.
    server_lock: str = ""
    build_lock: str = ""
    #: Whether an application without a hashed lock is refused.
    require_hashes: bool = False
    #: The environment of the import, and that of uv.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Names in `environment` whose values an error must not show.
    secret_names: Sequence[str] = ()
    uv_environment: Mapping[str, str] = field(default_factory=dict)
    #: Prefix of the variables that messages name.
    prefix: str = "python_release_"
    cache: str = "/var/cache/asgi-fleet/uv"
    pythons: str = "/opt/uv/python"

    def inside(self, *parts: str) -> str:
        """Join `parts` below the release's folder."""
        return os.path.join(self.path, *parts)

    @property
    def venv_python(self) -> str:
        """The release's own interpreter."""
        return self.inside(".venv", "bin", "python")


def run(
    command: Sequence[str],
    problem: str,
    cwd: str,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a tool and return what it printed.

    Args:
        command: The program and its arguments.
        problem: How a refusal begins; empty for the tool's own words alone.
        cwd: Folder to run it in.
        environment: Its environment; by default this process's own.

    Raises:
        BuildError: It failed; with the end of its output.
    """
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        told = tail(result.stderr or result.stdout)
        raise BuildError(f"{problem}; nothing live changed:\n{told}" if problem else told)
    return result.stdout


def tail(text: str) -> str:
    """Return the last lines of a tool's output, indented."""
    return "".join(f"  {line}\n" for line in text.strip().splitlines()[-SHOWN_LINES:])


def interpreter_version(python: str) -> str:
    """Return the version of an interpreter, such as 3.13.5; empty if it does not run."""
    result = subprocess.run(
        [python, "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip()
