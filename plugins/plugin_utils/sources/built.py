"""Whether a project is built and installed as a package, or its source is served as it is.

A [build-system] alone does not say it: many applications have one because a template did. What
counts is whether it would find something to build, by the rules that each build system documents.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable

import tomllib
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import join, table
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import Project

#: Top-level packages and modules that the automatic discovery of setuptools leaves out.
_RESERVED_PACKAGES = (
    *("ci", "bin", "doc", "docs", "documentation", "manpages", "news", "changelog", "test"),
    *("tests", "unit_test", "unit_tests", "example", "examples", "scripts", "tools", "util"),
    *("utils", "python", "build", "dist", "venv", "env", "requirements", "tasks", "fabfile"),
    *("site_scons", "benchmark", "benchmarks", "exercise", "exercises", "[._]*"),
)
_RESERVED_MODULES = (
    *("setup", "conftest", "test", "tests", "example", "examples", "build", "toxfile"),
    *("noxfile", "pavement", "dodo", "tasks", "fabfile", "[Ss][Cc]onstruct", "conanfile"),
    *("manage", "benchmark", "benchmarks", "exercise", "exercises", "[._]*"),
)


def is_built(project: Project, wanted: str, lock: str, lock_folder: str, prefix: str) -> str:
    """Return why a project is not built: an empty string if it is.

    Args:
        project: The project.
        wanted: auto, true or false: the user's choice.
        lock: The text of the uv.lock that names its dependencies; empty for another file.
        lock_folder: Where that lock is in the packed tree.
        prefix: Prefix of the variables that messages name.

    Raises:
        SourceError: It is to be built, and cannot be.
    """
    if wanted == "false":
        return f"{prefix}package is false"
    refusal = _cannot_be_built(project)
    if wanted == "true":
        if refusal:
            raise SourceError(
                f"{prefix}package is true; expected a project that can be built, but {refusal}; "
                f"set {prefix}package to auto, or change the project"
            )
        return ""
    if refusal:
        return refusal
    told = table(project.document, "tool", "uv").get("package")
    if isinstance(told, bool):
        return "" if told else "pyproject.toml says package = false in [tool.uv]"
    if lock and _is_virtual(project, lock, lock_folder):
        return "uv.lock has the project as a virtual one"
    if not project.build_system and not project.has_setup:
        return "pyproject.toml has no [build-system]"
    return _finds_nothing(project)


def is_worth_telling(reason: str) -> bool:
    """Return whether the reason not to build is one that a user may not expect."""
    return "finds" in reason


def _cannot_be_built(project: Project) -> str:
    if table(project.document, "tool", "poetry").get("package-mode") is False:
        return "pyproject.toml says package-mode = false in [tool.poetry]"
    if not (project.build_system or project.has_setup or "project" in project.document):
        return "there is neither a [project] in a pyproject.toml nor a setup.py"
    return ""


def _is_virtual(project: Project, lock: str, lock_folder: str) -> bool:
    """Return whether uv.lock says that the project has nothing to install."""
    try:
        packages = tomllib.loads(lock).get("package", [])
    except tomllib.TOMLDecodeError:
        return False
    return any(
        join(lock_folder, source["virtual"]) == project.folder
        for package in packages
        if isinstance(source := package.get("source"), dict) and "virtual" in source
    )


def _finds_nothing(project: Project) -> str:
    """Return what the build system does not find, or an empty string if it finds something."""
    told = project.build_system.get("build-backend", "setuptools.build_meta")
    backend = str(told).partition(":")[0]
    if "backend-path" in project.build_system:
        return ""
    rules: tuple[tuple[str, str, Callable[[Project], str]], ...] = (
        (r"poetry\.(core\.)?masonry|poetry_dynamic_versioning", "Poetry", _poetry),
        (r"hatchling", "hatchling", _hatchling),
        (r"setuptools", "setuptools", _setuptools),
        (r"flit(_core|_scm)?\b", "flit", _flit),
        (r"uv_build", "uv_build", _uv_build),
        (r"pdm\.(backend|pep517)", "pdm-backend", _pdm),
    )
    for pattern, name, rule in rules:
        if re.match(pattern, backend):
            missing = rule(project)
            return f"[build-system] {name} finds {missing}" if missing else ""
    return ""


def _module_name(name: str) -> str:
    """Return the name of a package's folder, from the project's name (PEP 503)."""
    return re.sub(r"[-_.]+", "_", name).lower()


def _poetry(project: Project) -> str:
    if table(project.document, "tool", "poetry").get("packages"):
        return ""
    name = _module_name(project.name)
    return "" if _has_any(project, _folders_or_modules(name)) else _no_package(name)


def _hatchling(project: Project) -> str:
    build = table(project.document, "tool", "hatch", "build")
    wheel = table(build, "targets", "wheel")
    for option in ("packages", "include", "only-include", "artifacts", "force-include"):
        if wheel.get(option) or build.get(option):
            return ""
    if wheel.get("bypass-selection"):
        return ""
    paths = project.tree.paths
    for name in (re.sub(r"[^\w.]+", "_", project.name), _module_name(project.name)):
        expected = {f"{name}/__init__.py", f"src/{name}/__init__.py", f"{name}.py"}
        namespaces = fnmatch.filter(paths, f"*/{name}/__init__.py")
        if expected & paths or len([one for one in namespaces if one.count("/") == 2]) == 1:
            return ""
    return _no_package(_module_name(project.name))


def _flit(project: Project) -> str:
    modules = table(project.document, "tool", "flit")
    told = table(modules, "module").get("name") or table(modules, "metadata").get("module")
    name = str(told or project.name.replace("-", "_")).replace(".", "/")
    return "" if _has_any(project, _folders_or_modules(name)) else _no_package(name)


def _uv_build(project: Project) -> str:
    backend = table(project.document, "tool", "uv", "build-backend")
    names = backend.get("module-name") or _module_name(project.name)
    root = str(backend.get("module-root", "src"))
    listed = names if isinstance(names, list) else [names]
    for name in (str(one).replace(".", "/") for one in listed):
        folder = join(root, name)
        if f"{folder}/__init__.py" in project.tree.paths:
            continue
        if not (backend.get("namespace") and project.tree.has_folder(folder)):
            return f"no package {folder} in the source"
    return ""


def _pdm(project: Project) -> str:
    build = table(project.document, "tool", "pdm", "build")
    if build.get("includes"):
        return ""
    default = "src" if project.tree.has_folder("src") else ""
    where = str(build.get("package-dir", default))
    inside = project.tree.below(where)
    packages = [
        path
        for path in inside.paths
        if path.endswith("/__init__.py") and not path.startswith("tests/")
    ]
    modules = [path for path in inside.paths if path.endswith(".py") and "/" not in path]
    return "" if packages or modules else f"no package in {where or 'the source'}"


def _setuptools(project: Project) -> str:
    told = table(project.document, "tool", "setuptools")
    if any(option in told for option in ("packages", "py-modules", "ext-modules", "package-dir")):
        return ""
    setup = project.tree.read("setup.py") or ""
    settings = project.tree.read("setup.cfg") or ""
    if re.search(r"\b(packages|py_modules|ext_modules|package_dir)\s*=", setup + settings):
        return ""
    if project.tree.has_folder("src"):
        return ""
    packages = _tops(project, _RESERVED_PACKAGES, lambda path: path.count("/") > 0)
    if len(packages) == 1:
        return ""
    if not packages:
        packages = _tops(project, _RESERVED_MODULES, lambda path: path.count("/") == 0)
        if len(packages) == 1:
            return ""
    if not packages:
        return "no package in the source"
    return f"more than one package in the source ({', '.join(packages)}), and builds none"


def _tops(project: Project, reserved: Iterable[str], wanted: Callable[[str], bool]) -> list[str]:
    """Return the names at the top of the source that setuptools would take as Python's."""
    # An empty folder is a package of theirs as well.
    paths = {*project.tree.paths, *(f"{folder}/" for folder in project.tree.folders)}
    names = {
        path.partition("/")[0].removesuffix(".py")
        for path in paths
        # A folder is a package of setuptools (PEP 420) whatever is in it; a module is a file.
        if wanted(path) and (path.count("/") or path.endswith(".py"))
    }
    return sorted(
        name
        for name in names
        if name.isidentifier() and not any(fnmatch.fnmatchcase(name, one) for one in reserved)
    )


def _folders_or_modules(name: str) -> tuple[str, ...]:
    return (f"{name}/", f"{name}.py", f"src/{name}/", f"src/{name}.py")


def _has_any(project: Project, places: Iterable[str]) -> bool:
    """Return whether one of these files or folders (with a slash at the end) is there."""
    return any(
        project.tree.has_folder(place[:-1]) if place.endswith("/") else place in project.tree.paths
        for place in places
    )


def _no_package(name: str) -> str:
    return f"no package {name} in the source" if name else "no name of the project"
