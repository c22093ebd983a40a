"""Through which host an SSH connection leads, by the arguments that a user has given ssh."""

from __future__ import annotations

import re

#: An option as a word of its own, with its value behind it or in it; -F may name any jump.
_JUMP = re.compile(
    r"""(?:^|\s)(?:-o\s*)?['"]?(?:ProxyJump|ProxyCommand)(?:\s*=\s*|\s+)(?P<option>"[^"]*"|'[^']*'|\S+)
    |(?:^|\s)-J\s*(?P<short>\S+)
    |(?:^|\s)-F\s*(?P<file>\S+)""",
    re.VERBOSE | re.IGNORECASE,
)


def jumps(*arguments: object) -> str:
    """Return the jumps that arguments of ssh name, in their order; empty for a direct connection.

    Args:
        arguments: Variables such as ansible_ssh_common_args; None for one that is not set.
    """
    found = _JUMP.finditer(" ".join(str(text) for text in arguments if text))
    named = [next(filter(None, match.groups())).strip("'\"") for match in found]
    return ", ".join(dict.fromkeys(named))
