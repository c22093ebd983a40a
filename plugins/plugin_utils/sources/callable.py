"""Which callable of a source is served: found by reading it, never by importing it.

What cannot be read here (a package that is installed, a name that a star import brings) is decided
by the import on the host (module_utils/releases/import_check.py).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import tomllib
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.module_names import (
    APPLICATIONS,
    FACTORIES,
    OTHER_CALLS,
    Kind,
    Name,
    Names,
    names_of,
)

Read = Callable[[str], "str | None"]

#: Where an application is looked for, in this order, as the FastAPI CLI does.
USUAL_FILES = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")
#: Files of a tree that are read for what a message suggests.
MOST_FILES = 300
#: How many modules a name may be passed on by.
MOST_IMPORTS = 10

_NOT_SERVED = frozenset(f"{call}(...)" for call in OTHER_CALLS)
_FORM = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)(\(.*\))?", re.ASCII | re.DOTALL)
_ASIDE = re.compile(
    r"(^|/)(tests?|docs?|examples?|migrations|alembic|node_modules|conftest\.py)(/|$)"
)


@dataclass(frozen=True)
class Resolved:
    """What is served: `module:attribute` or a call, as Gunicorn takes it; and what to say."""

    module: str
    notes: tuple[str, ...] = ()


def resolve(
    wanted: str,
    paths: Iterable[str],
    read: Read,
    *,
    package: bool = False,
    dependencies: str = "",
    variable: str = "app_module",
) -> Resolved:
    """Find the callable in a packed tree.

    Args:
        wanted: What `variable` says; empty to find it.
        paths: The files of the tree, from the project's folder; none for a wheel or a package.
        read: Returns the text of such a file, or None if there is none.
        package: Whether the project itself is built and installed.
        dependencies: The file that names the dependencies; empty if nothing is installed.
        variable: How messages name it.

    Raises:
        SourceError: It is not there; with the nearest that are.
    """
    search = _Search(frozenset(paths), read, package, dependencies, variable)
    if not search.paths:
        if not wanted:
            raise SourceError(
                f"{variable} is empty; expected package.module:attribute, since a package or a "
                f"wheel is not read before it is installed; set {variable} in group_vars/app.yml"
            )
        return Resolved(wanted)
    if wanted:
        module, note = search.check(wanted, f"{variable} is {wanted}")
        return Resolved(module, (note,) if note else ())
    return search.find()


def applications(paths: Iterable[str], read: Read) -> list[str]:
    """Return the applications and factories in a tree that nobody has named, the likeliest first.

    Args:
        paths: The files of the tree, from the project's folder.
        read: Returns the text of such a file, or None if there is none.
    """
    return _Search(frozenset(paths), read, False, "", "app_module").every()


class _Search:
    def __init__(
        self, paths: frozenset[str], read: Read, package: bool, dependencies: str, variable: str
    ) -> None:
        self.paths = paths
        self.read = read
        self.package = package
        self.dependencies = dependencies
        self.variable = variable
        # Without a build, PYTHONPATH may lead to src.
        self.roots = ("", "src/")
        self._names: dict[str, Names | None] = {}

    # What is not set

    def find(self) -> Resolved:
        """Return what pyproject.toml names, or else the first application in the usual files."""
        entrypoint = self._entrypoint()
        if entrypoint:
            place = f"[tool.fastapi] entrypoint in pyproject.toml is {entrypoint}"
            if not _FORM.fullmatch(entrypoint):
                raise SourceError(
                    f"{place}; expected package.module:attribute; correct it, or set "
                    f"{self.variable}"
                )
            module, note = self.check(entrypoint, place)
            said = f"serves {module}, as [tool.fastapi] entrypoint in pyproject.toml says"
            return Resolved(module, (said, note) if note else (said,))
        for path in USUAL_FILES:
            if path in self.paths:
                found = next(iter(self._applications(path)), "")
                if found:
                    said = f"serves {found}, which was found in {path}; {self.variable} is not set"
                    return Resolved(found, (said,))
        raise SourceError(
            f"{self.variable} is not set, and no application was found in "
            f"{', '.join(USUAL_FILES)}{self._nearest('')}"
        )

    def _entrypoint(self) -> str:
        text = self.read("pyproject.toml")
        try:
            tool = tomllib.loads(text or "").get("tool", {})
            entrypoint = tool.get("fastapi", {}).get("entrypoint", "")
        except (tomllib.TOMLDecodeError, AttributeError):
            return ""
        return entrypoint if isinstance(entrypoint, str) else ""

    # What is set

    def check(self, wanted: str, place: str) -> tuple[str, str]:
        """Return the callable as Gunicorn takes it, and a note or an empty text.

        Args:
            wanted: `module:attribute` or a call.
            place: The beginning of a refusal: who says so.

        Raises:
            SourceError: The module or the attribute is not there, or is no application.
        """
        form = _FORM.fullmatch(wanted)
        if form is None:
            return wanted, ""
        module, attribute, call = form[1], form[2], form[3] or ""
        path = self._path(module)
        if not path:
            self._missing_module(module, wanted, place)
            return wanted, ""
        what = self._what(module, attribute)
        if what is None:
            names = self._read_names(path)
            if names is None or names.is_open or self._path(f"{module}.{attribute}"):
                return wanted, ""
            raise SourceError(f"{place}; {path} has no {attribute}{self._nearest(wanted, module)}")
        problem, note = self._judge(what, wanted, bool(call))
        if problem:
            raise SourceError(f"{place}; {problem}{self._nearest(wanted, module, f'{module}:')}")
        return (f"{wanted}()", note) if note else (wanted, "")

    def _judge(self, what: Name, wanted: str, is_call: bool) -> tuple[str, str]:
        """Return what is wrong with a name, or the note that it is a factory."""
        target = wanted.partition("(")[0]
        if what.kind is Kind.VALUE:
            return f"it is {what.says}, which cannot be called", ""
        if what.kind is Kind.MODULE:
            return "it is a module", ""
        if what.kind is Kind.WSGI:
            return (
                f"it is a WSGI application, {what.says}, and the server speaks ASGI: wrap it, as "
                "in application = a2wsgi.WSGIMiddleware(app), and add a2wsgi to the dependencies"
            ), ""
        if what.kind is Kind.ASGI and is_call:
            return f"{target} is the application itself, no factory: write {target}", ""
        if what.kind is not Kind.FUNCTION:
            return "", ""
        return self._judge_function(what, target, is_call)

    def _judge_function(self, what: Name, target: str, is_call: bool) -> tuple[str, str]:
        takes = f"({', '.join(what.required)})"
        serves = len(what.required) <= 3 <= what.positional
        if is_call:
            if what.is_async:
                return (
                    f"{target} is an async function, which a server cannot call to get the "
                    "application: make it a plain def"
                ), ""
            return "", ""
        if not what.required and not what.is_async:
            return "", f"{target} is a factory: {target}() is served"
        if serves and what.required:
            return "", ""
        if what.is_async and not what.required:
            return (
                f"{target} is an async function without (scope, receive, send): no application, "
                "and no factory that a server can call; make the factory a plain def"
            ), ""
        if what.required in (("scope",),):
            return f"{target}{takes} is of ASGI 2, which no current server speaks", ""
        if what.required == ("environ", "start_response"):
            return (
                f"{target}{takes} is a WSGI application, and the server speaks ASGI: wrap it with "
                "a2wsgi.WSGIMiddleware"
            ), ""
        return (
            f"{target}{takes} is a function that needs arguments: give it literals, as in "
            f"{target}(...), or defaults"
        ), ""

    # The modules of the tree

    def _path(self, module: str) -> str:
        """Return the file of a module in the tree, as Python finds it; empty for none."""
        below = module.replace(".", "/")
        for root in self.roots:
            for path in (f"{root}{below}/__init__.py", f"{root}{below}.py"):
                if path in self.paths:
                    return path
        return ""

    def _what(self, module: str, name: str) -> Name | None:
        """Return what a module's name is, followed through imports; None if it has none."""
        for _step in range(MOST_IMPORTS):
            path = self._path(module)
            names = self._read_names(path) if path else None
            if names is None:
                return Name(Kind.OBJECT)
            what = names.found.get(name)
            if what is None:
                return Name(Kind.OBJECT) if names.is_open else None
            if what.source is None or not what.source[1]:
                return what
            if self._path(f"{what.source[0]}.{what.source[1]}"):
                return Name(Kind.MODULE)
            module, name = what.source
            if not self._path(module):
                return what
        return Name(Kind.OBJECT)

    def _read_names(self, path: str) -> Names | None:
        """Return the names of a file; None if it cannot be read as Python."""
        if path not in self._names:
            try:
                text = self.read(path)
                names = names_of(text or "", self._module(path), path.endswith("/__init__.py"))
                self._names[path] = names if text is not None else None
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                # Perhaps of a newer Python than the controller's: the import tells.
                self._names[path] = None
        return self._names[path]

    def _module(self, path: str) -> str:
        for root in self.roots[::-1]:
            path = path.removeprefix(root)
        return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def _missing_module(self, module: str, wanted: str, place: str) -> None:
        """Refuse a module that is not in the tree, unless a dependency may bring it."""
        below = module.replace(".", "/")
        parts = below.split("/")
        folders = {"/".join(parts[: length + 1]) for length in range(len(parts))}
        # A linked folder, an extension module, or one in a folder that PYTHONPATH names.
        elsewhere = re.compile(rf"(.*/)?{re.escape(below)}(\.|/__init__\.py$)")
        if folders & self.paths or any(map(elsewhere.match, self.paths)):
            return
        top = parts[0]
        tops = {self._module(path).partition(".")[0] for path in self.paths if path.endswith(".py")}
        if top not in tops and (
            self.package
            or (self.dependencies and not difflib.get_close_matches(top, tops, n=1, cutoff=0.8))
        ):
            return
        raise SourceError(f"{place}; the source has no {module}{self._nearest(wanted)}")

    # What a refusal suggests

    def _applications(self, path: str) -> Iterator[str]:
        """Yield the applications and factories in a file, the likeliest first."""
        names = self._read_names(path)
        if names is None:
            return
        module = self._module(path)
        found = {name: self._what(module, name) or what for name, what in names.found.items()}
        sure = [name for name, what in found.items() if what.kind is Kind.ASGI]
        yield from (f"{module}:{name}" for name in APPLICATIONS if name in sure)
        yield from (f"{module}:{name}" for name in sure if name not in APPLICATIONS)
        for name in FACTORIES:
            what = found.get(name)
            if what and what.kind is Kind.FUNCTION and not what.required and not what.is_async:
                yield f"{module}:{name}()"
        for name in APPLICATIONS:
            what = found.get(name)
            if what and (
                (what.kind is Kind.OBJECT and what.says not in _NOT_SERVED)
                or (what.kind is Kind.FUNCTION and what.required == ("scope", "receive", "send"))
            ):
                yield f"{module}:{name}"

    def _nearest(self, wanted: str, module: str = "", within: str = "") -> str:
        """Return the end of a refusal: the nearest callables that are there.

        Args:
            wanted: What was asked for.
            module: A module whose own come first.
            within: Suggest only what begins with this.
        """
        own = [one for path in [self._path(module)] if path for one in self._applications(path)]
        every = self.every()
        likely = difflib.get_close_matches(wanted, every, n=3, cutoff=0.5)
        told = [one for one in dict.fromkeys([*own, *likely, *every]) if one.startswith(within)]
        told = [one for one in told if one != wanted][:3]
        if not told:
            return "" if within else f"; set {self.variable} to package.module:attribute"
        return f"; nearest: {', '.join(told)}; set {self.variable}: {told[0]} in group_vars/app.yml"

    def every(self) -> list[str]:
        """Return the applications and factories of the whole tree, from its root on."""
        files = [p for p in self.paths if p.endswith(".py") and not _ASIDE.search(p)]
        files.sort(key=lambda path: (path.count("/"), path))
        return [one for path in files[:MOST_FILES] for one in self._applications(path)]
