"""Build one immutable release in its final place, on the host.

    /opt/<app>/releases/<id>/src            the code
    /opt/<app>/releases/<id>/.venv          its virtual environment, byte-compiled
    /opt/<app>/releases/<id>/manifest.json  written last: a release without it is not complete

Everything belongs to root, and the service cannot write to it. Standard library and uv only.
"""

# ansible-test asks for run_command, which knows neither another user nor a timeout.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import without_secrets
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import (
    donor,
    environment_key,
)

#: Files that name the dependencies, the most exact first.
DEPENDENCY_FILES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")
#: Lines of a tool's output that a refusal shows.
SHOWN_LINES = 30
#: Certificate authorities that the host trusts, from the package ca-certificates.
TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"
#: Seconds to wait for another build, such as one whose controller was killed.
BUILD_PATIENCE = 900
#: Seconds that importing the application may take.
IMPORT_TIMEOUT = 120


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


def read_manifest(path: str) -> dict[str, Any] | None:
    """Return the manifest of a complete release whose interpreter is still there, or None."""
    try:
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as file:
            manifest: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    # After an upgrade of the distribution the venv's link may be broken: build it again.
    return manifest if os.access(os.path.join(path, ".venv", "bin", "python"), os.X_OK) else None


@contextlib.contextmanager
def building(application: Application) -> Iterator[None]:
    """Hold the host's build lock.

    Raises:
        BuildError: Another build held it for too long.
    """
    busy = BuildError(
        f"another build of {application.name} has been running on this host for more than "
        f"{BUILD_PATIENCE} s; wait for it to end and run again"
    )
    with locked(application.path("opt", application.name, "build.lock"), BUILD_PATIENCE, busy):
        yield


def build(
    recipe: Recipe,
    manifest: Mapping[str, Any],
    manifests: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Build the release and return its manifest.

    Args:
        recipe: What it is made of.
        manifest: Further entries of its manifest.
        manifests: The manifests of the complete releases beside it, by id.

    Raises:
        BuildError: A step failed; the folder was removed again.
    """
    shutil.rmtree(recipe.path, ignore_errors=True)
    previous = os.umask(0o022)
    try:
        os.makedirs(recipe.inside("src"))
        _unpack(recipe)
        used = dependency_file(recipe) if recipe.kind == "tree" else ""
        key = _environment_key(recipe, used)
        reused = donor(manifests or {}, key)
        if reused:
            _copy_venv(recipe, reused)
        else:
            _create_venv(recipe)
            _install_dependencies(recipe, used)
            _add_server_packages(recipe)
        _install_project(recipe, used, reused=bool(reused))
        _compile(recipe)
        _protect(recipe)
        _import_application(recipe)
        complete = {
            **manifest,
            "id": os.path.basename(recipe.path),
            "module": recipe.module,
            "python": _version(recipe.venv_python),
            "dependencies": used,
            "environment": key,
            "environment_from": reused,
            "lock_sha256": _digest(recipe.inside("src", used)) if used else "",
            "built_at": int(time.time()),
        }
        write_manifest(recipe.path, complete)
        return complete
    except BaseException as error:
        shutil.rmtree(recipe.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise BuildError(f"the release cannot be written: {error}") from error
        raise
    finally:
        os.umask(previous)


def _unpack(recipe: Recipe) -> None:
    if recipe.kind == "tree":
        _run(
            ["tar", "--extract", "--gzip", "--no-same-owner", "--file", recipe.archive],
            "the source cannot be unpacked",
            cwd=recipe.inside("src"),
        )


def _create_venv(recipe: Recipe) -> None:
    """Create the venv where it will stay, with the wanted interpreter.

    Raises:
        BuildError: the interpreter is neither on the host nor to be had.
    """
    wanted = recipe.python or "/usr/bin/python3"
    command = [recipe.uv, "venv", "--no-project", "--relocatable", "--python", wanted]
    command.append(recipe.inside(".venv"))
    try:
        _uv(recipe, command, "")
    except BuildError as error:
        raise BuildError(
            f"{recipe.prefix}python is {recipe.python or 'empty'}; this host has "
            f"{_version('/usr/bin/python3')} as python3, and the wanted one cannot be had; install "
            f"python{recipe.python} on the host, set python_release_python_mirror to a mirror of "
            f"uv's Python builds that it reaches, or choose another {recipe.prefix}python:\n{error}"
        ) from None


def _environment_key(recipe: Recipe, used: str) -> str:
    ingredients = [
        os.path.realpath("/usr/bin/python3") if not recipe.python else recipe.python,
        recipe.python_mirror,
        list(recipe.server_packages),
        recipe.index,
        recipe.find_links,
        # Its values may be credentials, which must not be part of a digest.
        sorted(recipe.uv_environment),
        recipe.uv,
    ]
    return environment_key(recipe.inside("src"), used, ingredients)


def _copy_venv(recipe: Recipe, release: str) -> None:
    """Copy the virtual environment of another release; it is relocatable, so the copy works.

    Times are kept: the byte code depends on them.
    """
    venv = os.path.join(os.path.dirname(recipe.path), release, ".venv")
    _run(
        ["cp", "--archive", "--reflink=auto", venv, recipe.inside(".venv")],
        f"the virtual environment of {release} cannot be copied",
        cwd=recipe.path,
    )


def _install_dependencies(recipe: Recipe, used: str) -> None:
    """Install the dependencies; also the application itself where that is the same step."""
    if recipe.kind in ("wheel", "package"):
        _pip(recipe, ["install", recipe.package if recipe.kind == "package" else recipe.archive])
        return
    source = recipe.inside("src")
    if used == "uv.lock":
        command = [recipe.uv, "sync", "--locked", "--no-dev", "--no-editable", "--compile-bytecode"]
        # The venv's own interpreter: uv would otherwise look for one again, and may replace it.
        command += ["--project", source, "--python", recipe.venv_python]
        _uv(recipe, command, "the dependencies cannot be installed from uv.lock")
    elif used == "pyproject.toml" and is_package(source):
        _pip(recipe, ["install", source])
    elif used:
        _pip(recipe, ["install", "--requirements", os.path.join(source, used)])


def _install_project(recipe: Recipe, used: str, *, reused: bool) -> None:
    """Install the project itself where it is a package and did not come with its dependencies."""
    source = recipe.inside("src")
    along = used in ("", "uv.lock", "pyproject.toml") and not reused
    packaged = is_installed_by_lock(source) if used == "uv.lock" else is_package(source)
    if recipe.kind == "tree" and not along and packaged:
        _pip(recipe, ["install", "--no-deps", "--reinstall", source])


def dependency_file(recipe: Recipe) -> str:
    """Return the file in the source that names the dependencies, or an empty string.

    Raises:
        BuildError: the wanted file is not there.
    """
    source = recipe.inside("src")
    present = [name for name in DEPENDENCY_FILES if os.path.exists(os.path.join(source, name))]
    if recipe.dependencies == "auto":
        return present[0] if present else ""
    if recipe.dependencies not in present:
        raise BuildError(
            f"python_release_dependencies is {recipe.dependencies}; the source has "
            f"{', '.join(present) or 'none of ' + ', '.join(DEPENDENCY_FILES)}; "
            "use auto or add the file"
        )
    return recipe.dependencies


def is_installed_by_lock(source: str) -> bool:
    """Tell whether uv.lock installs the project itself: its source is then no virtual one.

    `tool.uv.package` decides there, whatever the build system (uv's concepts, "Projects").
    """
    with open(os.path.join(source, "uv.lock"), encoding="utf-8") as file:
        return re.search(r'source = \{ (editable|directory) = "\."', file.read()) is not None


def is_package(source: str) -> bool:
    """Tell whether the source's pyproject.toml has a build system, so that it can be installed."""
    try:
        with open(os.path.join(source, "pyproject.toml"), encoding="utf-8") as file:
            return re.search(r"^\[build-system\]", file.read(), re.MULTILINE) is not None
    except FileNotFoundError:
        return False


def _add_server_packages(recipe: Recipe) -> None:
    """Add Gunicorn and its like, but never over versions that the application chose itself."""
    freeze = _uv(recipe, [recipe.uv, "pip", "freeze", "--python", recipe.venv_python], "")
    pinned = [line for line in freeze.splitlines() if re.match(r"[A-Za-z0-9._-]+==", line)]
    # A package from a URL or a file is listed as `name @ url`; the application chose it as well.
    own = {_normal(re.split(r"==| @ ", line)[0]) for line in freeze.splitlines()}
    missing = [p for p in recipe.server_packages if _normal(_name(p)) not in own]
    if not missing:
        return
    constraints = recipe.inside("constraints.txt")
    with open(constraints, "w", encoding="utf-8") as file:
        file.write("\n".join(pinned) + "\n")
    _pip(recipe, ["install", "--constraints", constraints, *missing])
    os.unlink(constraints)


def _name(requirement: str) -> str:
    """Return the distribution's name in a requirement (PEP 508)."""
    return re.split(r"[\[=<>!~@; ]", requirement)[0]


def _normal(name: str) -> str:
    """Return a distribution's normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _compile(recipe: Recipe) -> None:
    """Byte-compile the source: the service cannot write there."""
    # Sources may contain files that are not meant to compile (templates, tests of syntax errors).
    subprocess.run(
        [recipe.venv_python, "-m", "compileall", "-q", recipe.inside("src")],
        capture_output=True,
        check=False,
    )


def _protect(recipe: Recipe) -> None:
    """Remove write permission for everyone except root: uv's lock of the venv, for example."""
    for folder, _folders, files in os.walk(recipe.path):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            mode = os.lstat(path).st_mode
            if mode & 0o022 and not stat.S_ISLNK(mode):
                os.chmod(path, stat.S_IMODE(mode) & ~0o022)


def _import_application(recipe: Recipe) -> None:
    """Import the ASGI callable as the service's user, with its environment.

    Raises:
        BuildError: with the traceback.
    """
    module, _colon, attribute = recipe.module.partition(":")
    attribute = re.split(r"[(\[]", attribute)[0]
    code = (
        "import importlib, sys\n"
        "sys.path.insert(0, '.')\n"
        f"found = importlib.import_module({module!r})\n"
        f"for part in {attribute!r}.split('.'):\n"
        "    found = getattr(found, part)\n"
        "assert callable(found), f'{found!r} cannot be called'\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    account = pwd.getpwnam(recipe.user)
    try:
        result = subprocess.run(
            [recipe.venv_python, "-B", "-c", code],
            cwd=recipe.inside("src"),
            env={**environment, **recipe.environment},
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=IMPORT_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(
            f"importing {recipe.module} did not end within {IMPORT_TIMEOUT} s; move what takes so "
            "long from import time to the application's lifespan"
        ) from None
    if result.returncode != 0:
        # An application often prints a rejected setting with its value.
        told = without_secrets(result.stderr, recipe.environment, recipe.secret_names)
        raise BuildError(
            f"{recipe.prefix}module is {recipe.module}; importing it failed (exit status "
            f"{result.returncode}); the release was not kept, and nothing live changed:\n"
            f"{tail(told)}"
        )


def _pip(recipe: Recipe, arguments: Sequence[str]) -> str:
    command = [recipe.uv, "pip", arguments[0], "--python", recipe.venv_python, "--compile-bytecode"]
    for option, value in (("--index", recipe.index), ("--find-links", recipe.find_links)):
        if value:
            command += [option, value]
    return _uv(recipe, [*command, *arguments[1:]], "the dependencies cannot be installed")


def _uv(recipe: Recipe, command: Sequence[str], problem: str) -> str:
    environment = {
        # uv brings its own authorities; those of a company's package index are in the host's store.
        **({"UV_SYSTEM_CERTS": "true"} if os.path.exists(TRUST_STORE) else {}),
        **os.environ,
        "UV_CACHE_DIR": recipe.cache,
        # A venv whose files are links into the cache would change with it.
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PROJECT_ENVIRONMENT": recipe.inside(".venv"),
        # The service could not read them under /root.
        "UV_PYTHON_INSTALL_DIR": recipe.pythons,
        **recipe.uv_environment,
    }
    if recipe.python_mirror:
        environment["UV_PYTHON_INSTALL_MIRROR"] = recipe.python_mirror
    # In the source: relative paths of a requirements.txt start there.
    return _run(command, problem, cwd=recipe.inside("src"), environment=environment)


def _run(
    command: Sequence[str],
    problem: str,
    cwd: str,
    environment: Mapping[str, str] | None = None,
) -> str:
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


def _version(python: str) -> str:
    result = subprocess.run(
        [python, "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip()


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def write_manifest(path: str, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of the release in the folder `path`, after syncing everything else."""
    os.sync()
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    write_file(os.path.join(path, "manifest.json"), text, 0o644)
