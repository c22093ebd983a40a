"""Checks of the deployment variables that are one value or a plain collection.

Each check takes the value from the inventory and a `Findings` that collects problems, and returns
the value in its normal form. What it returns after a problem is not used.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.names import OWN_NAMES
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.commands import (
    refuse_long,
    seen_command,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    fold,
    is_command,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

Check = Callable[[object, Findings], object]

HOOK_PHASES = ("before_rollout", "before_activate", "after_activate", "after_rollout")
HOOK_TIMEOUT = 300
"""Default timeout of a hook, in seconds."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_DOMAIN_EXPECTED = "a DNS name such as www.example.com or *.example.com, or an IP address"
_PATH = re.compile(r"/[A-Za-z0-9._~%/-]*")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PYTHON = re.compile(r"3\.[1-9]\d")
_PERCENTAGE = re.compile(r"([1-9]\d?|100)%")
_RATIO = re.compile(r"(\d{1,3}(?:\.\d{1,17})?(?:e-\d\d?)?)(%?)", re.ASCII)
#: What the names of the deployment's variables and of the roles' begin with.
PREFIXES = (
    *("app_", "fleet_", "gunicorn_service_", "haproxy_balancer_", "host_baseline_", "nginx_site_"),
    *("python_release_", "tls_certificate_"),
)
_EXTRA = re.compile(rf"({'|'.join(PREFIXES)})[A-Za-z0-9_*?\[\]!-]+")


def number(low: int, high: int, *, word: str = "", unit: str = "") -> Check:
    """Return a check for a whole number in a range.

    Args:
        low: Smallest allowed number.
        high: Largest allowed number.
        word: One word that is also allowed.
        unit: What is counted, for the message.
    """
    alternative = f"{word} or " if word else ""
    expected = f"{alternative}a number{unit and f' of {unit}'} from {low} to {high}"

    def check(value: object, findings: Findings) -> object:
        if word and value == word:
            return word
        whole = integer(value)
        if whole is None or not low <= whole <= high:
            findings.refuse(seen(value), expected)
        return whole

    return check


def choice(*allowed: str) -> Check:
    """Return a check for one of several words."""

    def check(value: object, findings: Findings) -> object:
        if value not in allowed:
            findings.refuse(seen(value), f"{', '.join(allowed[:-1])} or {allowed[-1]}")
        return value

    return check


def optional(check: Check) -> Check:
    """Return a check that accepts a variable that is not set."""

    def check_if_set(value: object, findings: Findings) -> object:
        return None if value is None else check(value, findings)

    return check_if_set


def ratio(value: object, findings: Findings) -> float | None:
    """Check a share, a number or a percentage such as 1%; return it as a number below 1."""
    text = value if isinstance(value, str) else repr(value)
    found = None if isinstance(value, bool) else _RATIO.fullmatch(text)
    share = Fraction(found[1]) / (100 if found[2] else 1) if found else Fraction(1)
    if share >= 1:
        findings.refuse(
            seen(value),
            'a share from 0 to below 1 such as 0.01, or a percentage below 100% such as "1%"',
        )
    return float(share)


def boolean(value: object, findings: Findings) -> bool:
    """Check for true or false; on the command line, `-e name=true` gives text."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    chosen = words.get(str(value).lower())
    if chosen is None:
        findings.refuse(seen(value), "true or false")
    return bool(chosen)


def _matching(pattern: re.Pattern[str], expected: str) -> Check:
    def check(value: object, findings: Findings) -> object:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            findings.refuse(seen(value), expected)
        return value

    return check


url_path = _matching(_PATH, "a path that begins with /, such as /healthz, without a query")


def root_path(value: object, findings: Findings) -> object:
    """Check the path prefix that nginx strips; empty for none."""
    if value != "" and not (isinstance(value, str) and _PREFIX.fullmatch(value)):
        findings.refuse(
            seen(value), "empty or a path that begins with / and does not end with it, such as /api"
        )
    return value


def app_name(value: object, findings: Findings) -> object:
    """Check a name that becomes a systemd unit, a folder and a service account.

    Source: useradd(8), 32 characters of [a-z0-9_-]; a hyphen is literal in a unit's name.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        findings.refuse(
            seen(value),
            "a lower-case letter and then at most 30 of a-z, 0-9 and -, such as shop",
        )
    elif value in OWN_NAMES:
        findings.refuse(
            value, "a name that asgi.fleet does not use itself on a host", "choose another name"
        )
    return value


def python_version(value: object, findings: Findings) -> object:
    """Check the Python version of the virtual environment; empty for the host's own python3."""
    if isinstance(value, float):
        findings.refuse(
            f"the number {value}",
            "a quoted version, since YAML reads 3.10 as the number 3.1",
            'write it as app_python: "3.13" in group_vars/app.yml',
        )
    elif value != "" and not (isinstance(value, str) and _PYTHON.fullmatch(value)):
        findings.refuse(seen(value), 'empty or a version from 3.10 on, such as "3.13"')
    return value


def domains(value: object, findings: Findings) -> list[str]:
    """Check server names and return them as a list, in lower case.

    Source: RFC 1123 section 2.1 (labels), RFC 1034 section 3.1 (253 characters), RFC 6125 section
    6.4.3 (a wildcard is the whole leftmost label).
    """
    entries = value if isinstance(value, list) else [value]
    if not entries or entries == [""]:
        findings.refuse("empty", "a DNS name such as www.example.com, or a list of them")
    names: list[str] = []
    for entry in [entry for entry in entries if entry != ""]:
        name = entry.lower() if isinstance(entry, str) else ""
        if _is_ip(name):
            # As a client writes it in a URL, and as a certificate has it.
            name = str(ipaddress.ip_address(name))
        if _is_ip(name) and name not in names:
            pass
        elif name and not name.isascii():
            _refuse_unicode(name, findings)
        elif not _is_domain(name):
            findings.refuse(seen(entry), _DOMAIN_EXPECTED)
        elif name in names:
            findings.refuse(f"{name} twice", "each name once", "remove one")
        names.append(name)
    return names


def request_name(domains: Sequence[str]) -> str:
    """Return the name for health requests: the first domain that is not a wildcard.

    If all domains are wildcards, it is `www` below the first: no client sends `*.example.com`, and
    applications that check the Host header refuse it.
    """
    plain = [domain for domain in domains if not domain.startswith("*.")]
    if plain:
        return plain[0]
    return f"www{domains[0][1:]}" if domains else ""


def _refuse_unicode(name: str, findings: Findings) -> None:
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        findings.refuse(seen(name), "a DNS name such as www.example.com")
        return
    findings.refuse(
        seen(name),
        f"an international name in its ASCII form, {ascii_name}",
        f"write {ascii_name} in group_vars/app.yml",
    )


def _is_ip(text: str) -> bool:
    # The zone of fe80::1%eth0 could be any text, and no address of a server has one.
    if "%" in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_domain(name: str, label: re.Pattern[str] = _LABEL) -> bool:
    labels = name.removeprefix("*.").split(".")
    wildcard_alone = name.startswith("*.") and len(labels) < 2
    return (
        len(name) <= 253
        and not wildcard_alone
        and not labels[-1].isdigit()
        and all(label.fullmatch(part) for part in labels)
    )


def hooks(value: object, findings: Findings) -> dict[str, list[dict[str, object]]]:
    """Check the commands by phase; return every phase, each command with its timeout in seconds."""
    normal: dict[str, list[dict[str, object]]] = {phase: [] for phase in HOOK_PHASES}
    if not isinstance(value, dict):
        findings.refuse(seen(value), f"a mapping of the phases {', '.join(HOOK_PHASES)}")
        return normal
    for phase, commands in value.items():
        if phase not in HOOK_PHASES:
            findings.refuse("not a phase", ", ".join(HOOK_PHASES), "rename it", at=f".{phase}")
        elif not isinstance(commands, list):
            findings.refuse(seen(commands), "a list of commands", at=f".{phase}")
        else:
            normal[phase] = [
                _hook(command, findings, f".{phase}[{index}]")
                for index, command in enumerate(commands)
            ]
    return normal


def _hook(value: object, findings: Findings, at: str) -> dict[str, object]:
    hook = value if isinstance(value, dict) else {"command": value}
    for key in sorted(str(key) for key in hook.keys() - {"command", "timeout"}):
        findings.refuse("not a key", "command and timeout", "remove it", at=f"{at}.{key}")
    command = hook.get("command")
    if not is_command(command):
        findings.refuse(
            seen_command(command),
            "a command on one line, or {command: ..., timeout: seconds}",
            fold(command),
            at=at,
        )
    else:
        refuse_long([str(command)], findings, at)
    timeout = integer(hook.get("timeout", HOOK_TIMEOUT))
    if timeout is None or not 1 <= timeout <= 86400:
        findings.refuse(
            seen(hook["timeout"]), "a number of seconds from 1 to 86400", at=f"{at}.timeout"
        )
    return {"command": command, "timeout": timeout}


def waves(value: object, findings: Findings) -> list[int | str]:
    """Check the waves of a rollout and return them as a list, as `serial` takes it."""
    entries = value if isinstance(value, list) else [value]
    if not entries:
        findings.refuse("empty", 'at least one wave, such as [1, "25%", "100%"]')
    normal: list[int | str] = []
    for index, entry in enumerate(entries):
        whole = integer(entry)
        if whole is not None and whole > 0:
            normal.append(whole)
        elif isinstance(entry, str) and _PERCENTAGE.fullmatch(entry):
            normal.append(entry)
        else:
            findings.refuse(
                seen(entry), 'a number of hosts from 1 on, or "1%" to "100%"', at=f"[{index}]"
            )
    return normal


def batch(value: object, findings: Findings) -> int | str:
    """Check a number or percentage of hosts, as `serial` takes it."""
    whole = integer(value)
    if whole is not None and whole > 0:
        return whole
    if not isinstance(value, str) or not _PERCENTAGE.fullmatch(value):
        findings.refuse(seen(value), 'a number of hosts from 1 on, or "1%" to "100%"')
    return str(value)


def folder(value: object, findings: Findings) -> str:
    """Check the path of a folder on the controller; empty for the default."""
    if not isinstance(value, str) or "\n" in value or value != value.strip():
        findings.refuse(seen(value), "the path of a folder on the controller, or none")
    return str(value)


def address(value: object, findings: Findings) -> str:
    """Check an IP address or a name that resolves to one; empty for none.

    The one check of whatever reaches a server's configuration as a host. A name of a host may
    contain _, other than one of a site.
    """
    text = value if isinstance(value, str) else ""
    if value == "" or _is_ip(text):
        return text
    if not _is_domain(text.lower(), _HOST_LABEL) or text.startswith("*"):
        findings.refuse(seen(value), "an IP address such as 10.0.0.11, or a DNS name")
    return text


def extra_variables(value: object, findings: Findings) -> list[str]:
    """Check the names of a team's own variables; `*` and `?` stand for parts of a name."""
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        if not isinstance(entry, str) or not _EXTRA.fullmatch(entry):
            findings.refuse(seen(entry), "names or patterns such as app_colour or app_shop_*")
    return [entry for entry in entries if isinstance(entry, str)]


def is_extra(name: str, patterns: list[str]) -> bool:
    """Return whether the team lists a variable as its own."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
