"""The version of a project that its build system would ask git for: a host has no git history.

Tools that read git have a variable that gives them the version instead. It gets what setuptools-scm
says by default: on a tag the tag's version; after it, the next one as a development version.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import table
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import Project

with contextlib.suppress(ImportError):  # ansible-core brings it; its sanity tests have none
    from packaging.version import InvalidVersion, Version

#: `git describe --tags --long --always`, with -dirty for a work tree with changes.
_DESCRIBED = re.compile(
    r"(?:(?P<tag>.+)-(?P<distance>\d+)-g)?(?P<hash>[0-9a-f]{4,40})(?P<dirty>-dirty)?"
)
#: What may lead the version in a tag: shop-, shop@, release/.
_LEAD = re.compile(r"^(?:[^@/]*[@/]|(?!v?\d)[A-Za-z][\w.]*?[-_])+(?=v?\d)", re.I)


@dataclass(frozen=True)
class Tool:
    """One that makes a version from git.

    Attributes:
        name: Its name.
        variable: The environment variable that tells it the version; empty for none.
        settings: Its table in pyproject.toml.
        pattern: The option in that table with a regular expression for tags.
        fallback: The option with a version for a source without git.
    """

    name: str
    variable: str
    settings: tuple[str, ...]
    pattern: str = ""
    fallback: str = ""


_SCM = "SETUPTOOLS_SCM_PRETEND_VERSION"
HATCH_VCS = Tool("hatch-vcs", _SCM, ("tool", "hatch", "version"), "tag-pattern", "fallback-version")
SETUPTOOLS_SCM = Tool(
    "setuptools-scm", _SCM, ("tool", "setuptools_scm"), "tag_regex", "fallback_version"
)
PDM = Tool(
    *("pdm-backend", "PDM_BUILD_SCM_VERSION", ("tool", "pdm", "version")),
    *("tag_regex", "fallback_version"),
)
POETRY_DYNAMIC = Tool(
    "poetry-dynamic-versioning",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
    ("tool", "poetry-dynamic-versioning"),
    "pattern",
)
UV_DYNAMIC = Tool(
    "uv-dynamic-versioning",
    "UV_DYNAMIC_VERSIONING_BYPASS",
    ("tool", "uv-dynamic-versioning"),
    "pattern",
    "fallback-version",
)
VERSIONINGIT = Tool("versioningit", "", ("tool", "versioningit"), "", "default-version")
SETUPTOOLS_GIT = Tool(
    "setuptools-git-versioning",
    "",
    ("tool", "setuptools-git-versioning"),
    fallback="starting_version",
)


def version_environment(project: Project, described: str, kind: str) -> dict[str, str]:
    """Return the variables that tell a build the version that it would ask git for.

    Args:
        project: A project that is built.
        described: What git says of the commit; empty outside of git.
        kind: The type of the source, for the message.

    Raises:
        SourceError: The version cannot be known.
    """
    tool = _tool(project)
    # A source distribution tells its version there, and the tools read it first.
    if tool is None or "PKG-INFO" in project.tree.paths:
        return {}
    settings = table(project.document, *tool.settings)
    if tool.variable and (version := _version(described, settings.get(tool.pattern))):
        found = {tool.variable: version}
        if tool.variable == _SCM and project.name:
            name = re.sub(r"[-_.]+", "_", project.name).upper()
            found[f"{_SCM}_FOR_{name}"] = version
        return found
    if tool.fallback and tool.fallback in settings:
        return {}
    if not described:
        seen, advice = f"a source of type {kind} has no history", "use app_source type git"
    elif not tool.variable:
        seen, advice = f"{tool.name} cannot be told one", "write it into pyproject.toml"
    else:
        seen = f"git describes the commit as {described}, which has no version"
        advice = "tag a commit with one, such as v1.4.0"
    option = f", or set {tool.fallback} in [{'.'.join(tool.settings)}]" if tool.fallback else ""
    raise SourceError(
        f"the version of {project.name or 'the project'} comes from git, by {tool.name}; a host "
        f"has no git history, and {seen}; {advice}{option}"
    )


def _tool(project: Project) -> Tool | None:
    """Return what makes the project's version from git, if anything does."""
    document = project.document
    backend = str(project.build_system.get("build-backend", ""))
    needs = {_name(one) for one in project.build_system.get("requires", []) if isinstance(one, str)}
    dynamic = "version" in table(document, "project").get("dynamic", [])
    source = table(document, "tool", "hatch", "version").get("source")
    if backend.startswith("hatchling"):
        sources = {
            "vcs": HATCH_VCS,
            "uv-dynamic-versioning": UV_DYNAMIC,
            "versioningit": VERSIONINGIT,
        }
        return sources.get(str(source)) if dynamic else None
    if table(document, "tool", "pdm", "version").get("source") == "scm" and dynamic:
        return PDM
    if "poetry_dynamic_versioning" in backend:
        enabled = table(document, *POETRY_DYNAMIC.settings).get("enable")
        return POETRY_DYNAMIC if enabled else None
    setup = project.tree.read("setup.py") or ""
    if "setuptools-git-versioning" in needs:
        table_of = table(document, *SETUPTOOLS_GIT.settings)
        return SETUPTOOLS_GIT if table_of.get("enabled", bool(table_of)) else None
    if "versioningit" in needs and dynamic:
        return VERSIONINGIT
    by_setup = "use_scm_version" in setup
    if needs & {"setuptools-scm", "flit-scm", "vcs-versioning"} and (dynamic or by_setup):
        return SETUPTOOLS_SCM
    return SETUPTOOLS_SCM if by_setup else None


def _name(requirement: str) -> str:
    """Return the normal name of a requirement's project."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>!~@; ]", requirement.strip())[0]).lower()


def _version(described: str, pattern: object) -> str:
    """Return the version of a commit as setuptools-scm makes it, or an empty string."""
    found = _DESCRIBED.fullmatch(described)
    if not found:
        return ""
    local = f"+g{found['hash'][:9]}"
    if not found["tag"]:
        # As setuptools-scm has it without any tag, but for the number of commits.
        return f"0.1.dev0{local}"
    tagged = _of_tag(found["tag"], pattern)
    if not tagged:
        return ""
    distance = int(found["distance"])
    if not distance and not found["dirty"]:
        return tagged
    return f"{_next(tagged)}.dev{distance}{local}{'.dirty' if found['dirty'] else ''}"


def _of_tag(tag: str, pattern: object) -> str:
    """Return the version in a tag, by the tool's own pattern if it has one that fits."""
    if isinstance(pattern, str):
        try:
            found = re.match(pattern, tag)
        except re.error:
            found = None
        if found and found.re.groups:
            named = found.groupdict()
            told = named.get("version") if named else found.group(1)
            if told and (version := _normal(told)):
                return version
    return _normal(_LEAD.sub("", tag))


def _normal(told: str) -> str:
    try:
        return str(Version(told))
    except InvalidVersion:
        return ""


def _next(told: str) -> str:
    """Return the version after one, as setuptools-scm guesses it."""
    version = Version(told)
    release = ".".join(map(str, version.release))
    if version.pre:
        # 1.4.0rc2 follows 1.4.0rc1.
        return f"{release}{version.pre[0]}{version.pre[1] + 1}"
    head, dot, last = release.rpartition(".")
    return f"{head}{dot}{int(last) + 1}"
