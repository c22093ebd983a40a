"""A command as one text, split into words as a shell would, where no shell reads them."""

from __future__ import annotations

import json
import re
import shlex

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen

EXPECTED = "a program and its arguments, as a text or a list"
EXAMPLE = 'name one: -e command="python manage.py check"'
#: What a shell would do something with, the longest first.
_OPERATORS = ("&&", "||", ">>", "<<", "$(", "|", "&", ";", ">", "<", "`", "\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
#: Longest of all words together, in bytes: Linux takes 128 KiB for one.
LONGEST = 100_000


def words(value: object, findings: Findings) -> list[str]:
    """Return the words of a command; none after a problem.

    Args:
        value: A text, or a list of words, also as JSON.
        findings: Where problems are added.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _listed(value)
    found = value if isinstance(value, list) else _split(value, findings)
    if found is None:
        return []
    if not all(isinstance(word, str) for word in found):
        findings.refuse(seen(value), "a list of texts", "quote its numbers")
        return []
    if not found or not found[0].strip():
        findings.refuse("empty", EXPECTED, EXAMPLE)
    elif any("\0" in word for word in found):
        findings.refuse("a text with a NUL in it", EXPECTED, "remove it")
    elif sum(len(word.encode(errors="surrogateescape")) + 1 for word in found) > LONGEST:
        findings.refuse(
            f"more than {LONGEST} bytes long", "a shorter one", "put what is long into a file"
        )
    elif _ASSIGNMENT.fullmatch(found[0]):
        findings.refuse(
            seen(found[0]),
            "a program first, since no shell reads it",
            f'set the variable by env: -e command="env {found[0].partition("=")[0]}=... ..."',
        )
    return [] if findings.problems else found


def _listed(text: str) -> object:
    try:
        found = json.loads(text)
    except ValueError:
        # `[ -f x ]` is a program.
        return text
    return found if isinstance(found, list) else text


def _split(value: object, findings: Findings) -> list[str] | None:
    if value is None or not isinstance(value, str):
        findings.refuse("not set" if value is None else seen(value), EXPECTED, EXAMPLE)
        return None
    operator = first_operator(value)
    if operator:
        name = "a new line" if operator == "\n" else operator
        findings.refuse(
            f"a text with {name} in it, which only a shell knows",
            "a program and its arguments",
            f"have a shell read it: -e command=\"sh -c '...'\", or quote {name}",
        )
        return None
    try:
        return shlex.split(value)
    except ValueError as error:
        findings.refuse(f"a text that cannot be split ({error})", EXPECTED, "close its quotes")
        return None


def first_operator(text: str) -> str:
    """Return the first operator of a shell that stands outside of quotes; empty for none."""
    text = text.strip()
    quote = ""
    place = 0
    while place < len(text):
        character = text[place]
        if character == "\\" and quote != "'":
            place += 2
            continue
        if quote:
            if character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        else:
            operator = next((one for one in _OPERATORS if text.startswith(one, place)), "")
            if operator:
                return operator
        place += 1
    return ""
