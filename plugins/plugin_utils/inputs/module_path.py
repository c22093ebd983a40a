"""The text of `app_module`: its forms, and what a text of another form probably means."""

from __future__ import annotations

import ast
import re

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen

ALLOWED = (
    "package.module:attribute such as shop.main:app, a factory such as shop.main:create_app(), "
    "or empty to find it"
)
#: What a factory may be given, in characters of its call.
LONGEST = 500

_NAME = r"[A-Za-z_]\w*"
_DOTTED = rf"{_NAME}(?:\.{_NAME})*"
_ATTRIBUTE = re.compile(rf"({_DOTTED}):({_NAME})", re.ASCII)
_CALL = re.compile(rf"({_DOTTED}):({_NAME}\(.*\))", re.ASCII | re.DOTALL)
_WITHIN = re.compile(rf"{_DOTTED}:{_NAME}(?:\(\))?", re.ASCII)
_NESTED = re.compile(rf"({_DOTTED}):({_NAME}\.{_DOTTED})(\(.*\))?", re.ASCII)
_FILE = re.compile(rf"(?:\./)?((?:{_NAME}/)*{_NAME})\.py(?::({_NAME}(?:\(\))?))?", re.ASCII)


def module_path(value: object, findings: Findings) -> object:
    """Check the callable that is served: `module:attribute`, a call with literals, or empty."""
    text = value.strip() if isinstance(value, str) else ""
    if value == "" or _ATTRIBUTE.fullmatch(text) or is_call(text):
        return text
    likely = probable(text)
    todo = f"write app_module: {likely}" if likely else ""
    nested = _NESTED.fullmatch(text)
    if nested:
        last = nested[2].rpartition(".")[2]
        todo = (
            f"write {last} = {nested[2]}{nested[3] or ''} in {nested[1]}, "
            f"and app_module: {nested[1]}:{last}"
        )
    findings.refuse(seen(value), ALLOWED, todo)
    return text


def is_call(text: str) -> bool:
    """Return whether a text is `module:factory(...)` with literals, as Gunicorn takes it."""
    found = _CALL.fullmatch(text)
    if not found or len(text) > LONGEST or not text.isprintable():
        return False
    try:
        call = ast.parse(found[2], mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return False
        for argument in call.args:
            ast.literal_eval(argument)
        for keyword in call.keywords:
            ast.literal_eval(keyword.value)
            if keyword.arg is None:
                return False
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def probable(text: str) -> str:
    """Return what a text of another form probably means; empty if that cannot be told."""
    words = text.split()
    if len(words) > 1:
        # A command, such as `uvicorn main:app --workers 4`.
        named = next((word for word in words if _WITHIN.fullmatch(word)), "")
        factory = "--factory" in words and not named.endswith(")")
        return f"{named}()" if named and factory else named
    file = _FILE.fullmatch(text)
    if file:
        module = file[1].removeprefix("src/").removesuffix("/__init__").replace("/", ".")
        return f"{module}:{file[2] or 'app'}"
    if re.fullmatch(_DOTTED, text, re.ASCII):
        head, _dot, last = text.rpartition(".")
        if head and last in ("app", "api", "application", "create_app"):
            return f"{head}:{last}"
        return f"{text}:app"
    return ""
