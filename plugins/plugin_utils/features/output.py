"""What a program prints about itself, as a task registered it."""

from __future__ import annotations

import re


def printed(text: object, *, program: str, command: str, stream: str) -> str:
    """Return the output of a command.

    Args:
        text: What was registered of it.
        program: The program.
        command: The command that prints its version.
        stream: The part of the registered result that has it.

    Raises:
        ValueError: It is no text.
    """
    if isinstance(text, str):
        return text
    raise ValueError(
        f"the {program} version is a {type(text).__name__}; expected the output of {command}; "
        f"pass the registered result's {stream}"
    )


def version_in(text: str, pattern: str, *, program: str, command: str, sample: str) -> str:
    """Return the version that the output of a command has.

    Args:
        text: The output.
        pattern: Finds the version, as its group.
        program: The program.
        command: The command.
        sample: What such an output has, for the message.

    Raises:
        ValueError: It has none.
    """
    found = re.search(pattern, text, re.MULTILINE)
    if found:
        return found[1]
    raise ValueError(
        f"the {program} version is {text.strip()[:80]!r}; expected the output of {command}, "
        f"which {sample}; run {command} on the host to see it"
    )
