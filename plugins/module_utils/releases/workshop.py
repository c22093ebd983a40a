"""Where a release is built: a sandbox with the network, the release's folder and a cache.

Whatever runs here may be foreign code: the build of a package, what an installed package runs at
the start of an interpreter. It runs as the account of the application's builds, which owns nothing
else, and which the service is not.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import unit_name
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import (
    Confinement,
    ConfinementError,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import forbids_programs
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import (
    redacted,
    telling_names,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import ANY, LOCALHOST
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.module_utils.releases.advice import advised
from ansible_collections.asgi.fleet.plugins.module_utils.releases.network import (
    tool_environment,
    urls,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    tail,
)

_INTERPRETER = re.compile(r"^Using (?:C?Python|PyPy) \S+ environment at: .*\n", re.M)
_CAUSE = r"[ ]*(?:cause|Caused by): .*"
_CHAIN = re.compile(rf"^({_CAUSE}\n)(?:{_CAUSE}\n)+(?={_CAUSE})", re.M)

#: The folder of a release for temporary files of the build; it goes at the end.
#: Not /tmp: compilers and tests of build systems run programs there, and many hosts forbid it.
SCRATCH = ".build"


def wheel(recipe: Recipe) -> str:
    """Return where the build finds the wheel of a recipe of that kind."""
    return recipe.inside(SCRATCH, os.path.basename(recipe.archive))


def cache_of(recipe: Recipe) -> str:
    """Return the folder of uv's cache, in which it also runs what builds a package.

    One that is kept, unless its file system forbids programs: then it goes with the build.
    """
    if os.path.isdir(recipe.caches) and forbids_programs(recipe.caches):
        return recipe.inside(SCRATCH, "cache")
    return os.path.join(recipe.caches, recipe.builder)


def uv_environment(recipe: Recipe, cache: str) -> dict[str, str]:
    """Return the environment of uv.

    Args:
        recipe: The release.
        cache: Folder of uv's cache.
    """
    store = SYSTEM_AUTHORITIES if os.path.exists(SYSTEM_AUTHORITIES) else ""
    own = {
        "UV_CACHE_DIR": cache,
        # A venv whose files are links into the cache would change with it.
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PROJECT_ENVIRONMENT": recipe.inside(".venv"),
        # The service could not read them under /root.
        "UV_PYTHON_INSTALL_DIR": recipe.pythons,
    }
    environment = {
        **tool_environment(recipe.uv_environment, os.environ, store=store),
        **{name: value for name, value in own.items() if name not in recipe.uv_environment},
    }
    if recipe.python_mirror:
        environment["UV_PYTHON_INSTALL_MIRROR"] = recipe.python_mirror
    return environment


def index_environment(recipe: Recipe) -> dict[str, str]:
    """Return where `uv pip` finds packages, in variables: arguments can be read by everyone."""
    given = recipe.uv_environment
    told = {
        "UV_INDEX": [recipe.index, given.get("UV_INDEX", "")],
        "UV_FIND_LINKS": [recipe.find_links, given.get("UV_FIND_LINKS", "")],
    }
    return {name: " ".join(filter(None, values)) for name, values in told.items() if any(values)}


def run_confined(
    recipe: Recipe,
    command: Sequence[str],
    problem: str,
    environment: Mapping[str, str] | None = None,
    *,
    folder: str = "",
    answers: bool = False,
) -> str:
    """Run a tool in the workshop and return the end of what it printed.

    Args:
        recipe: The release.
        command: The program, an absolute path, and its arguments.
        problem: How a refusal begins; empty for the tool's own words alone.
        environment: Further variables.
        folder: Where it runs; empty for the project's folder.
        answers: Return all of its standard output instead, and nothing else.

    Raises:
        BuildError: It failed; with the end of its output, without credentials.
    """
    told = {
        **uv_environment(recipe, cache_of(recipe)),
        **(environment or {}),
    }
    network: tuple[str, ...] = (ANY,)
    if recipe.wheelhouse:
        network = ()
    elif _names_loopback([*told.values(), recipe.index]):
        network = (ANY, LOCALHOST)
    confinement = Confinement(
        unit=unit_name(recipe.application, "build"),
        user=recipe.builder,
        # Relative paths of a requirements.txt start there. Not `src`, a link that comes later.
        folder=folder or recipe.folder,
        timeout=recipe.timeout,
        # Build systems may make code at run time: libffi, Node.js.
        sandbox=replace(
            recipe.sandbox,
            network_allow=network,
            jit=True,
            writable_paths=(recipe.path,),
            devices=(),
            options={},
        ),
        environment={"TMPDIR": recipe.inside(SCRATCH), **told},
        properties=[
            ("CacheDirectory", recipe.builder),
            ("CacheDirectoryMode", "0700"),
            ("MemoryMax", recipe.memory_max),
            ("TasksMax", "1024"),
            # The live release goes first.
            ("CPUWeight", "20"),
            ("IOWeight", "20"),
            # Not even names are asked for.
            *([("PrivateNetwork", "yes")] if recipe.wheelhouse else []),
        ],
    )
    try:
        outcome = confined.run(command, confinement, answers=answers)
    except ConfinementError as error:
        raise BuildError(f"{problem or 'the build cannot start'}: {error}") from error
    if outcome.status == 0:
        return outcome.output
    shown = shown_of(outcome.output, told) or f"  {outcome.problem}\n"
    if outcome.timed_out:
        shown += f"  {outcome.problem}; python_release_build_timeout_seconds may allow it more\n"
    elif outcome.status != 1 and "memory" in outcome.problem:
        shown += f"  {outcome.problem}; python_release_build_memory_max is {recipe.memory_max}\n"
    advice = "".join(f"; {one}" for one in advised(outcome.output, recipe.prefix))
    raise BuildError(f"{problem}; nothing live changed{advice}:\n{shown}" if problem else shown)


def shown_of(output: str, environment: Mapping[str, str]) -> str:
    """Return the end of a tool's output as a refusal shows it, without credentials.

    Args:
        output: What it printed.
        environment: The variables that it was given: passwords of indexes, URLs.
    """
    # The token of some indexes is the name of a user without a password.
    users = [name for name in environment if name.endswith("_USERNAME")]
    told = redacted(output, environment, [*telling_names(environment), *users])
    return tail(printable(_essence(told)))


def _essence(output: str) -> str:
    """Return uv's output without what tells nothing, so that the rest fits on one screen.

    That is the line about the interpreter, and of a chain of causes all but the first and the last.
    """
    return _CHAIN.sub(r"\1", _INTERPRETER.sub("", output))


def _names_loopback(values: Sequence[str]) -> bool:
    """Return whether one of the values is the URL of something on this host."""
    hosts = (urlsplit(part).hostname or "" for value in values for part in urls(value))
    return any(map(_is_loopback, hosts))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
