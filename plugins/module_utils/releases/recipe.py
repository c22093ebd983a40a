"""What a release is made of."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.releases.wheels import Wheelhouse

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
    #: The account of the service, which imports the application.
    user: str
    #: The account of the build.
    builder: str
    #: The tree's tar or the wheel, on this host; unused for a package.
    archive: str = ""
    #: `name[extras]==version` of a package.
    package: str = ""
    index: str = ""
    find_links: str = ""
    #: What is installed of a tree, as the controller decided.
    installation: Installation = field(default_factory=Installation)
    #: The project's folder in the tree; empty for its root.
    project: str = ""
    #: Version of the interpreter; empty for the host's python3.
    python: str = ""
    python_mirror: str = ""
    #: Packages that the platform needs in the venv, unless the application brings its own.
    server_packages: Sequence[str] = ()
    #: Hashed locks: of those packages, and of what builds a package from its source.
    server_lock: str = ""
    build_lock: str = ""
    #: What is installed, if a builder has made it; nothing is asked of a network then.
    wheelhouse: Wheelhouse | None = None
    #: Whether an application without a hashed lock is refused.
    require_hashes: bool = False
    #: Once the source is unpacked: what is installed from, the file's text or that exported from
    #: it, and the texts of pyproject.toml, of the project and of the lock's folder.
    text: str = ""
    projects: Sequence[str] = ()
    #: The environment of the import, and that of uv.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Names in `environment` whose values an error must not show.
    secret_names: Sequence[str] = ()
    uv_environment: Mapping[str, str] = field(default_factory=dict)
    #: Prefix of the variables that messages name.
    prefix: str = "python_release_"
    #: What the service may do, and with it the import; the build may do the same and make code.
    sandbox: Sandbox = field(default_factory=Sandbox)
    #: Limits of the build: MemoryMax= of systemd.resource-control(5), and seconds.
    memory_max: str = "50%"
    timeout: float = 1800
    #: Seconds that importing the application may take.
    import_timeout: float = 120
    #: uv's cache of root, for interpreters alone; that of the builds is below `caches`.
    cache: str = "/var/cache/asgi-fleet/uv"
    caches: str = "/var/cache"
    pythons: str = "/opt/uv/python"

    def inside(self, *parts: str) -> str:
        """Join `parts` below the release's folder."""
        return os.path.join(self.path, *parts)

    @property
    def tree(self) -> str:
        """The folder of the whole source."""
        return self.inside("repository") if self.project else self.inside("src")

    @property
    def folder(self) -> str:
        """The project's folder, where it is; `src` is a link to it, if it is not the whole tree."""
        return os.path.join(self.tree, self.project) if self.project else self.tree

    @property
    def used(self) -> str:
        """The file that names the dependencies, by its path in the tree; empty for none."""
        return self.installation.file if self.kind == "tree" else ""

    @property
    def used_folder(self) -> str:
        """The folder of that file."""
        return os.path.join(self.tree, os.path.dirname(self.used))

    @property
    def used_kind(self) -> str:
        """How that file is read: uv.lock, pylock.toml, requirements.txt, or a project's file."""
        name = os.path.basename(self.used)
        if self.installation.exported or name.endswith((".txt", ".in")):
            return "requirements.txt"
        return "pylock.toml" if re.fullmatch(r"pylock\.(\w+\.)?toml", name) else name

    @property
    def installs_project(self) -> bool:
        """Whether the project itself is built and installed, after its dependencies."""
        return self.kind == "tree" and self.installation.package

    @property
    def application(self) -> str:
        """The application's name, by the place of the release."""
        return os.path.basename(os.path.dirname(os.path.dirname(self.path)))

    @property
    def venv_python(self) -> str:
        """The release's own interpreter."""
        return self.inside(".venv", "bin", "python")


def tail(text: str) -> str:
    """Return the last lines of a tool's output, indented."""
    return "".join(f"  {line}\n" for line in text.strip().splitlines()[-SHOWN_LINES:])


def interpreter_version(python: str) -> str:
    """Return the version of an interpreter of the host, such as 3.13.5; empty if it does not run.

    Never for the interpreter of a release: what is installed beside it would run as root.
    """
    result = subprocess.run(
        [python, "-I", "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip()
