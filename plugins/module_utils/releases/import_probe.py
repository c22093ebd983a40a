"""Imports an application as the server will, and says what is wrong with it.

import_check.py passes this text to the release's interpreter, so it uses nothing but the standard
library. An exception of the application itself is left to Python, which shows its traceback.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import functools
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

#: What a line of its own begins with.
MARK = "asgi.fleet: "
#: Names that an application, or a function that makes one, usually has.
APPLICATIONS = ("app", "api", "application")
FACTORIES = (
    *("create_app", "make_app", "get_app", "build_app", "app_factory", "create_application"),
    *("get_application", "make_application", "build_application", "application_factory"),
)
#: How deep below the working folder a module is looked for that is not importable.
DEPTH = 2


class Wrong(Exception):  # noqa: N818 - a finding about the application, told as it is
    """What is served is no ASGI application; the message says why, and what to write."""


def probe(target: str) -> None:
    """Import `module:attribute`, or call `module:factory(...)`.

    Raises:
        Wrong: It is no ASGI application.
        BaseException: Whatever the application raises.
    """
    name, _colon, expression = target.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise
        raise Wrong(f"there is no module {missing}{_elsewhere(missing)}") from None
    wanted = ast.parse(expression, mode="eval").body
    call = wanted if isinstance(wanted, ast.Call) else None
    function = call.func if call else wanted
    attribute = function.id if isinstance(function, ast.Name) else expression
    try:
        found = getattr(module, attribute)
    except AttributeError:
        raise Wrong(f"{name} has no {attribute}{_nearest(module, attribute)}") from None
    if call:
        arguments = [ast.literal_eval(one) for one in call.args]
        named = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg}
        if not callable(found):
            raise Wrong(f"{attribute} is {_kind(found)}, which cannot be called")
        found = found(*arguments, **named)
    problem = problem_of(found, f"{name}:{attribute}", called=call is not None)
    if problem:
        raise Wrong(problem)


def problem_of(found: Any, target: str, *, called: bool) -> str:  # noqa: ANN401
    """Return why something is no ASGI application; empty if it is one.

    Args:
        found: What would be served.
        target: `module:attribute`.
        called: Whether it is the result of a factory.
    """
    if inspect.iscoroutine(found):
        found.close()
        return f"{target} is an async function, which the server cannot call: make it a plain def"
    what = "what it gives is" if called else "it is"
    if inspect.isclass(found):
        return f"{what} the class {found.__name__}: name an instance of it"
    if not callable(found):
        return f"{what} {_kind(found)}, which cannot be called"
    is_function = inspect.isroutine(found) or isinstance(found, functools.partial)
    if _takes(found, 3):
        return ""
    if is_function and _takes(found, 0):
        if inspect.iscoroutinefunction(found):
            return (
                f"{target} is an async function without (scope, receive, send): make it a plain def"
            )
        return f"{what} a factory: write {target}()"
    if _takes(found, 2):
        return (
            f"{what} a WSGI application ({_kind(found)}), and the server speaks ASGI: wrap it, as "
            "in application = a2wsgi.WSGIMiddleware(app), and add a2wsgi to the dependencies"
        )
    if _takes(found, 1):
        return f"{what} an application of ASGI 2 ({_kind(found)}), which no current server speaks"
    return f"{what} {_kind(found)}, which does not take (scope, receive, send)"


def _takes(found: Any, count: int) -> bool:  # noqa: ANN401
    """Return whether something can be called with so many arguments; True if that is not known."""
    try:
        inspect.signature(found).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _kind(found: object) -> str:
    if isinstance(found, ModuleType):
        return f"the module {found.__name__}"
    return f"of the type {type(found).__module__}.{type(found).__qualname__}"


def _nearest(module: ModuleType, attribute: str) -> str:
    """Return what to write instead: what the module has, the likeliest first."""
    found = list(_served(module))
    names = [one.partition("(")[0] for one in found]
    near = difflib.get_close_matches(attribute, names, n=1, cutoff=0.5)
    told = sorted(found, key=lambda one: one.partition("(")[0] not in near)[:3]
    if not told:
        return ""
    every = ", ".join(f"{module.__name__}:{one}" for one in told)
    return f"; nearest: {every}"


def _served(module: ModuleType) -> Iterator[str]:
    named = [name for name in vars(module) if not name.startswith("_")]
    named.sort(key=lambda name: APPLICATIONS.index(name) if name in APPLICATIONS else 9)
    for name in named:
        found = getattr(module, name)
        if inspect.isroutine(found) or isinstance(found, ModuleType) or inspect.isclass(found):
            continue
        with contextlib.suppress(Exception):
            if inspect.iscoroutinefunction(type(found).__call__) and _takes(found, 3):
                yield name
    for name in named:
        if name in FACTORIES and inspect.isroutine(getattr(module, name)):
            yield f"{name}()"


def _elsewhere(module: str) -> str:
    """Return where the source has a module that Python does not find; empty for nowhere."""
    top = module.partition(".")[0]
    for folder, folders, files in os.walk("."):
        below = os.path.relpath(folder, ".")
        if below.count(os.sep) >= DEPTH - 1:
            folders[:] = []
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        if below != "." and (f"{top}.py" in files or os.path.isdir(os.path.join(folder, top))):
            return (
                f": it is in {below}, where Python does not look for it; if the project can be "
                f"built, set app_package: true; or set PYTHONPATH: {below} in app_env"
            )
    return ""


def _show(kind: Any, error: Any, trace: Any) -> None:  # noqa: ANN401 - as sys.excepthook has it
    """Print a traceback from the application's first line on: how it was imported tells nothing."""
    # This text has no file.
    own = ("<string>", "importlib")
    while trace and trace.tb_next and any(name in _file(trace) for name in own):
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace)


def _file(trace: Any) -> str:  # noqa: ANN401 - of a frame
    return str(trace.tb_frame.f_code.co_filename)


def main() -> None:
    """Run as `python -c <this text> module:attribute`."""
    target = sys.argv.pop()
    sys.excepthook = _show
    # As in the service, where Gunicorn puts it first.
    sys.path.insert(0, os.getcwd())
    status = 0
    try:
        probe(target)
    except Wrong as error:
        sys.stderr.write(f"\n{MARK}{error}\n")
        status = 3
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    # Threads that the application has started would keep this from its end.
    os._exit(status)


if __name__ == "__main__":
    main()
