"""What an operator asks for by `drill.yml`, refused before a host is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.exercises import (
    GROUPS,
    NAMES,
    chosen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.requests import CommandLine
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

ALLOWED = "fleet_drill_allowed"
#: Options of ansible-playbook that ask, and what to use instead.
ASKING = {
    "ask_pass": ("-k (--ask-pass)", "a key, or --connection-password-file"),
    "become_ask_pass": ("-K (--ask-become-pass)", "--become-password-file, or NOPASSWD in sudoers"),
    "ask_vault_pass": ("--ask-vault-pass (-J)", "--vault-password-file"),
}
#: Options that name a file, which may be the terminal.
FILES = ("vault_password_files", "connection_password_file", "become_password_file")
TERMINALS = ("-", "/dev/stdin", "/dev/tty")


def asked(line: CommandLine, app: str, allowed: object) -> dict[str, Any]:
    """Return what to do: `exercises`, `seconds`, `rate`, `path`, `disk_mb`.

    Args:
        line: The command line, which gets the problems.
        app: The application of the hosts.
        allowed: `fleet_drill_allowed` as it was checked.
    """

    def confirmed(value: object, findings: Findings) -> object:
        if value != app:
            findings.refuse(
                "not set" if value is None else seen(value),
                f"{app}, the app_name of these hosts, since a drill breaks what they serve with",
                f"to confirm that: -e drill={app}",
            )
        return value

    line.take("drill", None, confirmed)
    if ALLOWED in line.variables:
        _refuse(line, "set on the command line", "it in the inventory of a staging fleet alone")
    elif allowed is not True:
        _refuse(line, "false", "true, which only the inventory of a staging fleet has")
    return {
        "exercises": [one.as_dict() for one in chosen(line.take("drill_only", "all", _names))],
        "seconds": line.take("drill_seconds", 5, _number(1, 600)),
        "rate": line.take("drill_rate", 20, _number(1, 500)),
        "path": line.take("drill_path", "", _path),
        "disk_mb": line.take("drill_disk_mb", 10_240, _number(1, 10_000_000)),
    }


def prompts(options: Mapping[str, Any]) -> list[str]:
    """Return why a playbook could not be called again with the same options, a line for each.

    Args:
        options: Of the command line, as `context.CLIARGS` has them.
    """
    found = [
        f"{option} is given; expected nothing that asks, since a drill calls ansible-playbook "
        f"several times; use {instead}"
        for name, (option, instead) in ASKING.items()
        if options.get(name)
    ]
    for name in FILES:
        given = options.get(name) or ()
        for path in [given] if isinstance(given, str) else given:
            if str(path) in TERMINALS:
                option = name.removesuffix("s").replace("_", "-")
                found.append(
                    f"--{option} is {path}, which is read only once; expected a file, since a "
                    "drill calls ansible-playbook several times; write it to one"
                )
    for identity in options.get("vault_ids") or ():
        if str(identity).rpartition("@")[2] in ("prompt", "prompt_ask_vault_pass", *TERMINALS):
            found.append(
                f"--vault-id is {identity}, which asks; expected a file, since a drill calls "
                "ansible-playbook several times; use --vault-id <label>@<file>"
            )
    return found


def _refuse(line: CommandLine, is_: str, expected: str) -> None:
    findings = Findings(ALLOWED, "set it in group_vars/app.yml of that inventory")
    findings.refuse(is_, expected)
    line.problems += findings.problems


def _names(value: object, findings: Findings) -> Sequence[str]:
    names = [name.strip() for name in str(value).split(",") if name.strip()]
    wrong = [name for name in names if name not in (*NAMES, *GROUPS)]
    if wrong or not names:
        findings.refuse(
            seen(wrong[0] if wrong else value),
            f"some of {', '.join(NAMES)}; or {', '.join(GROUPS)}",
        )
        return ()
    return names


def _number(low: int, high: int) -> Any:  # noqa: ANN401 (what `take` expects)
    def check(value: object, findings: Findings) -> object:
        whole = integer(value)
        if whole is None or not low <= whole <= high:
            findings.refuse(seen(value), f"a number from {low} to {high}")
        return whole

    return check


def _path(value: object, findings: Findings) -> str:
    text = str(value)
    if text and (not text.startswith("/") or not text.isprintable() or " " in text):
        findings.refuse(seen(text), "a path of the application, such as /healthz")
    return text
