"""Hiding an application's secrets in what is about to be shown, whatever form they have there."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

#: Shorter secrets are not searched for: hiding them would hide half of the text.
SHORTEST_REDACTED = 4
#: Shorter values of a document that is a secret are not searched for, unless their key calls them
#: one: a document contains `true`, `eu-west` and the like as well.
SHORTEST_VALUE = 8
#: A secret URL's path is one too if it is as long as a token in it would make it: web hooks.
SHORTEST_PATH = 16
#: Of a long secret this many characters at its beginning or its end are hidden too, with what
#: follows of it: messages and answers are cut.
FRAGMENT = 12
#: How deep documents in documents are searched.
DEPTH = 3

#: What a key, or the name of a parameter, calls a secret.
_TELLING_KEY = r"\w*(?:pass|pwd|secret|token|key|sig|auth|cred)\w*"
#: `password=...` in a query, or in a list of connection parameters.
_PARAMETER = re.compile(rf"\b{_TELLING_KEY}\s*=\s*([^&;,\s]+)", re.IGNORECASE)
#: What stands between `://` and the host. A password may contain @, and, unencoded, even a slash.
_USER_INFO = (
    re.compile(r"://([^/?#\s]*)@"),
    re.compile(r"://([^:/?#@\s]*:[^@\s]*)@"),
)
_PATH = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#\s]*(/\S+)$", re.IGNORECASE)
#: Lengths of the lines in which tools print base64.
_BASE64_LINES = (64, 76)
_BASE64_CHARACTER = "[A-Za-z0-9+/_-]"


def redacted(text: str, environment: Mapping[str, str], secret_names: Iterable[str]) -> str:
    """Return `text` with each secret replaced by its name: `<API_TOKEN>`.

    Found are the secret, its lines, the password in a URL, the texts in a JSON document; each also
    percent-encoded and decoded, escaped as by JSON, Python, HTML or a shell, in base64 (wherever it
    begins in what was encoded) and in hexadecimal. Of a long one also what a cut has left.

    Args:
        text: What is about to be shown, such as a traceback.
        environment: The values by name.
        secret_names: The names of those that are secret.
    """
    return Redactor(environment, secret_names)(text)


class Redactor:
    """Does what `redacted` does, for many texts: the forms of the secrets are made once."""

    def __init__(self, environment: Mapping[str, str], secret_names: Iterable[str]) -> None:
        """Take the values by name, and the names of those that are secret; as `redacted`."""
        self._parts = [
            (name, part) for name in secret_names for part in _parts(environment.get(name, ""))
        ]
        self._forms = [
            (name, literal, pattern)
            for name, part in self._parts
            for literal, pattern in _forms(part)
        ]

    def __call__(self, text: str) -> str:
        """Return the text with each secret replaced by its name."""
        wanted: dict[str, str] = {}
        for name, literal, pattern in self._forms:
            if literal in text:
                wanted.setdefault(pattern, name)
        backwards = text[::-1]
        for name, part in self._parts:
            for fragment in _beginnings(text, part):
                wanted.setdefault(re.escape(fragment), name)
            for fragment in _beginnings(backwards, part[::-1]):
                wanted.setdefault(re.escape(fragment[::-1]), name)
        if not wanted:
            return text
        # In one pass, so that no name is searched; the longest first: one may begin with another.
        patterns = sorted(wanted, key=len, reverse=True)
        names = [wanted[pattern] for pattern in patterns]
        return re.sub(
            "|".join(f"({pattern})" for pattern in patterns),
            lambda match: f"<{names[int(match.lastindex or 1) - 1]}>",
            text,
        )


def telling_names(environment: Mapping[str, str]) -> list[str]:
    """Return the names that call their values secrets, and those of URLs with credentials.

    For settings of tools, such as uv's, of which nobody has said what is secret.
    """
    return [
        name
        for name, value in environment.items()
        if re.fullmatch(_TELLING_KEY, name, re.IGNORECASE) or any(credentials(value))
    ]


def credentials(text: str) -> Iterator[str]:
    """Yield what stands between `://` and the host in the URLs of a text: `user:password`."""
    for match in _USER_INFO[0].finditer(text):
        if match.group(1):
            yield match.group(1)


def _parts(secret: str) -> set[str]:
    """Return a secret, and what an application makes of it that is one too."""
    found: set[str] = set()
    _collect(secret, SHORTEST_REDACTED, DEPTH, found)
    return found


def _collect(secret: str, shortest: int, depth: int, found: set[str]) -> None:
    if len(secret) < shortest or secret in found or depth == 0:
        return
    found.add(secret)
    for part in (secret.strip(), unquote(secret), *_lines(secret), *_of_address(secret)):
        _collect(part, SHORTEST_REDACTED, depth - 1, found)
    for key, value in _of_document(secret):
        telling = re.fullmatch(_TELLING_KEY, key, re.IGNORECASE)
        _collect(value, SHORTEST_REDACTED if telling else SHORTEST_VALUE, depth - 1, found)
    decoded = _decoded(secret)
    if decoded:
        _collect(decoded, SHORTEST_VALUE, depth - 1, found)


def _lines(secret: str) -> list[str]:
    """Return the lines of a secret of several: a key in PEM, for example."""
    return [line.strip() for line in secret.splitlines()] if "\n" in secret else []


def _of_address(secret: str) -> Iterator[str]:
    """Yield the secrets in a URL, or in a list of connection parameters."""
    for pattern in _USER_INFO:
        for match in pattern.finditer(secret):
            user, colon, password = match.group(1).partition(":")
            # Without a password the user is a token.
            yield password if colon else user
    yield from _PARAMETER.findall(secret)
    path = _PATH.match(secret)
    if path and len(path.group(1)) >= SHORTEST_PATH:
        yield path.group(1)


def _of_document(secret: str) -> Iterator[tuple[str, str]]:
    """Yield the texts in a JSON document, each with its key."""
    if secret.lstrip()[:1] not in ("{", "["):
        return
    try:
        todo: list[tuple[str, object]] = [("", json.loads(secret))]
    except (ValueError, RecursionError):
        return
    while todo:
        key, value = todo.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict):
            todo += value.items()
        elif isinstance(value, list):
            todo += [(key, one) for one in value]


def _decoded(secret: str) -> str:
    """Return the text that a secret is in base64; empty if it is none."""
    try:
        text = base64.b64decode("".join(secret.split()), validate=True).decode()
    except ValueError:
        return ""
    return text if text.replace("\n", "").isprintable() else ""


def _beginnings(text: str, part: str) -> set[str]:
    """Return what is in the text of the beginning of a long secret."""
    # What contains parts may begin as anything does: https://, {"type":. Its parts are searched.
    if len(part) < 2 * FRAGMENT or re.search(r"://|//:|[\n{}]", part):
        return set()
    found = (match.start() for match in re.finditer(re.escape(part[:FRAGMENT]), text))
    return {_common(part, text[at : at + len(part)]) for at in found}


def _common(one: str, two: str) -> str:
    """Return what two texts begin with."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))
    return "".join(character for character, _other in same)


def _forms(part: str) -> Iterator[tuple[str, str]]:
    """Yield the forms of a text: what must be in the output, and the pattern of what to replace."""
    for form in _escaped(part):
        yield form, re.escape(form)
    data = part.encode(errors="surrogateescape")
    for hexadecimal in (data.hex(), data.hex().upper()):
        yield hexadecimal, hexadecimal
    for core, before, after in _base64_cores(data):
        for form in sorted({core, core.replace("+", "-").replace("/", "_")}):
            yield form, before + re.escape(form) + after


def _escaped(part: str) -> set[str]:
    """Return the forms in which a text stands in another, character by character."""
    as_json = json.dumps(part)[1:-1]
    data = part.encode(errors="surrogateescape")
    found = {
        part,
        as_json,
        json.dumps(part, ensure_ascii=False)[1:-1],
        json.dumps(as_json)[1:-1],
        repr(part)[1:-1],
        repr(data)[2:-1],
        # What a shell's trace and shlex.quote make of a quote, and the environment file.
        part.replace("'", "'\\''"),
        part.replace("'", "'\"'\"'"),
        re.sub(r'([\\"`$])', r"\\\1", part),
        html.escape(part),
        html.escape(part, quote=False),
        quote_plus(data),
    }
    # What a form sends, what JavaScript and SQLAlchemy keep, and a path.
    for kept in ("", "/", "!'()*", " +", "/:@"):
        found.add(quote(data, safe=kept))
    return found | {re.sub(r"%[0-9A-F]{2}", lambda m: m.group().lower(), form) for form in found}


def _base64_cores(data: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield the base64 characters that hold nothing but the data, and patterns of their neighbours.

    What was encoded may begin before the data and end behind it: three bytes make four characters,
    so there are three ways to cut. The characters at the cuts hold a few bits of the data.
    """
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        start, end = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
        core = encoded[start:end]
        before = f"{_BASE64_CHARACTER}?" if offset else ""
        after = f"{_BASE64_CHARACTER}?={{0,2}}" if (offset + len(data)) % 3 else ""
        yield core, before, after
        if offset:
            continue
        for length in _BASE64_LINES:
            lines = [core[at : at + length] for at in range(0, len(core), length)]
            for line in lines if len(lines) > 1 else []:
                if len(line) >= SHORTEST_VALUE:
                    yield line, "", after if line == lines[-1] else ""
