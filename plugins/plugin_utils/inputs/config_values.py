"""Values that become a word of a server's configuration: they must not become more than that.

A space, a semicolon, a brace or a newline in one would be a directive of nginx or HAProxy, and an
inventory may come from a program.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import values
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FILE = re.compile(r"(/[A-Za-z0-9._~@+-]+)+/?")
_SIZE = re.compile(r"[1-9][0-9]{0,6}[km]?")
_BUFFERS = re.compile(r"[1-9][0-9]{0,3} [1-9][0-9]{0,6}[km]?")
ADVICE = "correct it where it is set"


def _place(value: object, findings: Findings) -> object:
    """Check an address, a host name or a network."""
    if isinstance(value, str) and "/" in value and "%" not in value:
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError:
            findings.refuse(seen(value), "a network such as 10.0.0.0/24")
        return value
    return values.address(value, findings)


def is_network(value: object) -> bool:
    """Return whether a value is an address or a network, as nginx reads them."""
    if not isinstance(value, str) or "%" in value:
        return False
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _number(value: object, findings: Findings) -> object:
    whole = integer(value)
    # A template writes a text as it is, with the blanks around it.
    if whole is None or whole < 0 or str(value).strip() != str(value):
        findings.refuse(seen(value), "a whole number from 0 on")
    return value


def _matching(pattern: re.Pattern[str], expected: str) -> values.Check:
    def check(value: object, findings: Findings) -> object:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            findings.refuse(seen(value), expected)
        return value

    return check


def _pattern(value: object, findings: Findings) -> object:
    """Check a regular expression that is written in quotes."""
    try:
        fits = isinstance(value, str) and value.isprintable() and '"' not in value
        re.compile(str(value))
    except re.error:
        fits = False
    if not fits:
        findings.refuse(seen(value), "a regular expression on one line, without quotes")
    return value


word = _matching(_WORD, "one word of letters, digits, ., _ and -")
file_path = _matching(_FILE, "an absolute path of letters, digits, ., _, ~, @, + and -")

buffers = _matching(_BUFFERS, "a number and a size, such as 4 8k")
size = _matching(_SIZE, "a size, such as 32k")

KINDS: dict[str, Callable[[object, Findings], object]] = {
    "buffers": buffers,
    "file": file_path,
    "name": values.domains,
    "number": _number,
    "pattern": _pattern,
    "place": _place,
    "size": size,
    "url_path": values.url_path,
    "word": word,
}


def config_refusals(written: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return a line for each value that would be more than its word of the configuration.

    Args:
        written: For each of `KINDS`, the values by the names of their variables. A list is checked
            entry by entry; an empty text stands for nothing, and passes.

    Raises:
        ValueError: A kind is unknown.
    """
    lines = []
    for kind, variables in written.items():
        if kind not in KINDS:
            raise ValueError(f"the kind {kind} is unknown; expected one of {', '.join(KINDS)}")
        for name, value in variables.items():
            findings = Findings(name, ADVICE)
            for entry in value if isinstance(value, (list, tuple)) else [value]:
                if entry != "":
                    KINDS[kind](entry, findings)
            lines += [problem.message for problem in findings.problems]
    return lines
