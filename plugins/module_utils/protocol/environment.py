"""A service's environment as one text: written on the controller, read on the host."""

from __future__ import annotations


def hide_values(environment: str) -> str:
    """Return an environment file with a digest-free placeholder for each value, for a diff.

    Args:
        environment: the text of an EnvironmentFile= (systemd.exec(5)), quoted values allowed.
    """
    names = parse_environment(environment)
    return "".join(f"{name}=<hidden>\n" for name in sorted(names))


def parse_environment(environment: str) -> dict[str, str]:
    """Parse what `format_environment` wrote.

    Args:
        environment: lines NAME="value"; a quoted value may span lines.
    """
    values: dict[str, str] = {}
    position = 0
    while position < len(environment):
        equals = environment.find('="', position)
        if equals < 0:
            break
        name = environment[position:equals].strip()
        text, position = _unquote(environment, equals + 2)
        values[name] = text
    return values


def _unquote(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at `start`, after its quote, and the index behind it."""
    value = []
    index = start
    while index < len(text) and text[index] != '"':
        if text[index] == "\\" and index + 1 < len(text):
            index += 1
        value.append(text[index])
        index += 1
    return "".join(value), index + 1


def format_environment(variables: dict[str, str]) -> str:
    r"""Return the text of an EnvironmentFile= with every value quoted.

    Within double quotes systemd.exec(5) takes everything literally, newlines included, but for
    the backslash before ", \, ` and $.
    """
    lines = []
    for name in sorted(variables):
        value = variables[name]
        for character in '\\"`$':
            value = value.replace(character, "\\" + character)
        lines.append(f'{name}="{value}"\n')
    return "".join(lines)
