"""What the names of a Python module are, as far as its text tells: read, never imported."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

#: Calls whose result is an ASGI application, by the last part of their name.
ASGI_CALLS = frozenset(
    (
        *("FastAPI", "Starlette", "Litestar", "Quart", "Sanic", "Esmerald", "Ravyn"),
        *("get_asgi_application", "ProtocolTypeRouter", "ASGIApp", "ASGIMiddleware"),
    )
)
#: Calls whose result is a WSGI application.
WSGI_CALLS = frozenset(("Flask", "get_wsgi_application", "Bottle"))
#: Calls whose result is often named app or api, and is none that is served.
OTHER_CALLS = frozenset(("Typer", "Celery", "APIRouter", "Blueprint", "Rich", "Namespace"))
#: Names of functions that usually make an application.
FACTORIES = (
    *("create_app", "make_app", "get_app", "build_app", "app_factory", "create_application"),
    *("get_application", "make_application", "build_application", "application_factory"),
)
#: Names that usually are an application.
APPLICATIONS = ("app", "api", "application")
#: Decorators that leave a function what it is.
_HARMLESS = frozenset(["cache", "lru_cache", "wraps"])


class Kind(enum.IntEnum):
    """What a name is; of several assignments the greater counts."""

    VALUE = 0
    MODULE = 1
    CLASS = 2
    WSGI = 3
    FUNCTION = 4
    #: Whatever a call or an expression gives.
    OBJECT = 5
    ASGI = 6


@dataclass(frozen=True)
class Name:
    """One name of a module.

    Attributes:
        kind: What it is.
        source: For an import: the module and the name in it, or a module alone.
        required: For a function, the names of the parameters that it needs.
        positional: For a function, how many positional arguments it takes at most.
        is_async: Whether a function is a coroutine.
        says: What it was assigned, for a message.
    """

    kind: Kind
    source: tuple[str, str] | None = None
    required: tuple[str, ...] = ()
    positional: float = 0
    is_async: bool = False
    says: str = ""


@dataclass
class Names:
    """The names of a module; `is_open` if it may have more than its text shows."""

    found: dict[str, Name] = field(default_factory=dict)
    is_open: bool = False

    def add(self, name: str, what: Name) -> None:
        """Note what a name is, unless it is known to be more."""
        known = self.found.get(name)
        if known is None or what.kind >= known.kind:
            self.found[name] = what


def names_of(text: str, module: str, is_package: bool) -> Names:
    """Return the names of a module.

    Args:
        text: Its source.
        module: Its name, for relative imports.
        is_package: Whether it is a package's `__init__`.

    Raises:
        SyntaxError: It is not Python, or of a newer version than the controller's.
        ValueError: It has a NUL.
    """
    names = Names()
    package = module.split(".") if is_package else module.split(".")[:-1]
    tree = ast.parse(text)
    for statement in _statements(tree.body):
        _note(statement, names, package)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                names.add(name, Name(Kind.OBJECT))
        elif isinstance(node, ast.Call) and _last(node.func) in ("globals", "exec", "setattr"):
            names.is_open = True
    return names


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, in their order."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, part, ()))
        for handler in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _statements(handler.body)


def _note(statement: ast.stmt, names: Names, package: list[str]) -> None:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        names.add(statement.name, _function(statement))
        names.is_open |= statement.name == "__getattr__"
    elif isinstance(statement, ast.ClassDef):
        names.add(statement.name, Name(Kind.CLASS))
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        _note_import(statement, names, package)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            _note_target(target, statement.value, names)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        _note_target(statement.target, statement.value, names)
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        for item in statement.items:
            _note_target(item.optional_vars, ast.Await(item.context_expr), names)
    elif isinstance(statement, (ast.For, ast.AsyncFor)):
        _note_target(statement.target, ast.Await(statement.iter), names)


def _note_import(statement: ast.Import | ast.ImportFrom, names: Names, package: list[str]) -> None:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            named = alias.asname or alias.name.partition(".")[0]
            names.add(named, Name(Kind.MODULE, (alias.name if alias.asname else named, "")))
        return
    base = package[: len(package) - statement.level + 1] if statement.level else []
    source = ".".join([*base, *filter(None, [statement.module])])
    for alias in statement.names:
        if alias.name == "*":
            names.is_open = True
        else:
            names.add(alias.asname or alias.name, Name(Kind.OBJECT, (source, alias.name)))


def _note_target(target: ast.expr | None, value: ast.expr | None, names: Names) -> None:
    if isinstance(target, ast.Name) and value is not None:
        names.add(target.id, _value(value, names))
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            if isinstance(part, ast.Name):
                names.add(part.id, Name(Kind.OBJECT))


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Name:
    is_async = isinstance(node, ast.AsyncFunctionDef)
    if not {_last(one) for one in node.decorator_list} <= _HARMLESS:
        return Name(Kind.OBJECT)
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    needed += [
        one
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return Name(
        Kind.FUNCTION,
        required=tuple(one.arg for one in needed),
        positional=float("inf") if arguments.vararg else len(positional),
        is_async=is_async,
    )


def _value(node: ast.expr, names: Names) -> Name:
    if isinstance(node, ast.Call):
        last = _last(node.func)
        kinds = {
            **dict.fromkeys((*ASGI_CALLS, *FACTORIES), Kind.ASGI),
            **dict.fromkeys(WSGI_CALLS, Kind.WSGI),
        }
        return Name(kinds.get(last, Kind.OBJECT), says=f"{last}(...)")
    if isinstance(node, ast.Name):
        return names.found.get(node.id, Name(Kind.OBJECT))
    constant = (ast.Constant, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.Tuple)
    if isinstance(node, constant):
        return Name(Kind.VALUE, says=ast.unparse(node)[:40])
    return Name(Kind.OBJECT)


def _last(node: ast.expr) -> str:
    """Return the last part of a dotted name, or of that of a call; empty for anything else."""
    if isinstance(node, ast.Call):
        return _last(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
