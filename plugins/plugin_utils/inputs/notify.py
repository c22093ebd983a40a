"""The check of `fleet_notify`: who is told of what happens to a fleet, and how.

No message repeats a URL, a header, a password or a command: the first three are secrets, and the
last may contain one.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import jinja2
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import telling_names
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    SET_IN_VAULT,
    Findings,
    kind,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

EVENTS = ("begin", "end", "failed", "reverted")
#: A begin is told only to those who ask for it: it needs nobody.
DEFAULT_EVENTS = ("failed", "reverted", "end")
FORMATS = ("slack", "mattermost", "teams", "discord", "json")
SECURITY = ("starttls", "tls", "none")
#: The ports of RFC 6409 (submission), RFC 8314 (implicit TLS) and RFC 5321.
PORTS = {"starttls": 587, "tls": 465, "none": 25}
TIMEOUT = 5
LONGEST_TIMEOUT = 30
#: A header of this many characters is taken for a secret, whatever its name.
TOKEN = 16

#: The keys of each type, besides `type`, `name`, `events` and `timeout_seconds`.
TYPES: dict[str, tuple[str, ...]] = {
    "webhook": ("url", "format", "template", "headers", "ca_bundle"),
    "mail": ("to", "from", "smtp", "template"),
    "command": ("command",),
}
_COMMON = ("type", "name", "events", "timeout_seconds")
_SMTP = ("host", "port", "security", "user", "password", "ca_bundle")

_URL = (
    "an https:// URL without user and password; http:// only of this machine itself "
    "(localhost, 127.0.0.1)"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_ADDRESS = re.compile(r"[^@\s,;:<>\"()\[\]\\]+@[A-Za-z0-9][A-Za-z0-9.-]*")
_HOST = re.compile(r"[A-Za-z0-9_:]([A-Za-z0-9_.:-]*[A-Za-z0-9_])?")
#: RFC 9110, section 5.6.2.
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = ("host", "content-length", "content-type", "transfer-encoding", "connection")
_OF_A_SHELL = {"|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1"}

ReadFile = Callable[[str], bytes]


def targets(value: object, findings: Findings) -> list[dict[str, Any]]:
    """Check the targets, and return each with every key of its type."""
    if not isinstance(value, list):
        findings.refuse(kind(value), "a list of targets, each a mapping with type and its keys")
        return []
    normal = [_target(entry, f"[{index}]", findings) for index, entry in enumerate(value)]
    _name_all(normal, findings)
    return normal


def public_part(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the targets without what is secret."""
    return [{key: target[key] for key in ("name", "type", "events")} for target in value]


def secrets_of(value: list[dict[str, Any]]) -> dict[str, str]:
    """Return what must appear in no text, by a name for each."""
    found: dict[str, str] = {}
    for index, target in enumerate(value):
        at = f"fleet_notify[{index}]"
        if "url" in target:
            found[f"{at}.url"] = target["url"]
        headers = target.get("headers", {})
        for name, content in headers.items():
            # Not each: a header may say no more than `high`.
            if len(content) >= TOKEN or telling_names({name.replace("-", "_"): content}):
                found[f"{at}.headers.{name}"] = content
        if password := (target.get("smtp") or {}).get("password"):
            found[f"{at}.smtp.password"] = password
    return found


def check_files(value: list[dict[str, Any]], findings: Findings, read_file: ReadFile) -> None:
    """Check what the targets need on the controller: templates, authorities and programs."""
    for index, target in enumerate(value):
        at = f"[{index}]"
        if path := target.get("template"):
            _check_template(path, f"{at}.template", findings, read_file)
        smtp = target.get("smtp") or {}
        for where, path in (
            (f"{at}.ca_bundle", target.get("ca_bundle")),
            (f"{at}.smtp.ca_bundle", smtp.get("ca_bundle")),
        ):
            content = _read(path, where, findings, read_file) if path else b"BEGIN CERTIFICATE"
            if content is not None and b"BEGIN CERTIFICATE" not in content:
                findings.refuse(seen(path), "a PEM file with certificates", at=where)
        program = next(iter(target.get("command", [])), "")
        if program and not shutil.which(program):
            findings.refuse(
                "a program that is not there, or that you may not run",
                "an absolute path, or a program of PATH on the controller",
                at=f"{at}.command[0]",
            )


def _target(entry: object, at: str, findings: Findings) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        findings.refuse(kind(entry), "a mapping with type and its keys", at=at)
        return {}
    type_ = entry.get("type")
    if not isinstance(type_, str) or type_ not in TYPES:
        known = "webhook, mail or command"
        findings.refuse("not set" if type_ is None else seen(type_), known, at=f"{at}.type")
        return {}
    allowed = (*_COMMON, *TYPES[type_])
    for key in entry:
        if key not in allowed:
            findings.refuse(
                f"not a key of the type {type_}", ", ".join(allowed), "remove it", at=f"{at}.{key}"
            )
    check = {"webhook": _webhook, "mail": _mail, "command": _command}[type_]
    return {
        "type": str(type_),
        "name": _name(entry.get("name"), f"{at}.name", findings),
        "events": _events(entry.get("events"), f"{at}.events", findings),
        "timeout_seconds": _timeout(entry.get("timeout_seconds"), at, findings),
        **check(entry, at, findings),
    }


def _webhook(entry: Mapping[str, Any], at: str, findings: Findings) -> dict[str, Any]:
    template = _path(entry.get("template"), f"{at}.template", findings)
    format_ = entry.get("format")
    if format_ is None and not template:
        findings.refuse("not set", f"{', '.join(FORMATS)}, or a template", at=f"{at}.format")
    elif format_ is not None and (not isinstance(format_, str) or format_ not in FORMATS):
        findings.refuse(seen(format_), ", ".join(FORMATS), at=f"{at}.format")
    elif format_ is not None and template:
        findings.refuse(
            "set, and template too", "one of them", "remove one of them", at=f"{at}.format"
        )
    return {
        "url": _url(entry.get("url"), f"{at}.url", findings),
        "format": str(format_ or ""),
        "template": template,
        "headers": _headers(entry.get("headers"), f"{at}.headers", findings),
        "ca_bundle": _path(entry.get("ca_bundle"), f"{at}.ca_bundle", findings),
    }


def _url(value: object, at: str, findings: Findings) -> str:
    """Check a web hook's URL: whoever knows it may write there, so it is never repeated."""
    if not isinstance(value, str) or not value:
        what = "not set" if value is None else kind(value) if value else "empty"
        findings.refuse(what, _URL, SET_IN_VAULT, at=at)
        return ""
    text = str(value)
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not text.isascii() or not text.isprintable() or " " in text or not host:
        findings.refuse("a text that is not a URL", _URL, SET_IN_VAULT, at=at)
    elif parts.username is not None or parts.password is not None:
        findings.refuse("a URL with a user or a password", f"{_URL}; use headers", at=at)
    elif parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host)):
        findings.refuse(f"a URL that begins with {seen(parts.scheme)}://", _URL, at=at)
    return text


def is_this_machine(host: str) -> bool:
    """Return whether what is sent to a host does not leave this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _headers(value: object, at: str, findings: Findings) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        findings.refuse(kind(value), "a mapping of names to texts", SET_IN_VAULT, at=at)
        return {}
    for name, content in value.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            findings.refuse("with a name that no header has", "names such as X-Token", at=at)
        elif name.lower() in _OWN_HEADERS:
            findings.refuse("set by asgi.fleet itself", "others", "remove it", at=f"{at}.{name}")
        elif not isinstance(content, str) or not content.isprintable() or not content.isascii():
            findings.refuse(
                kind(content) if not isinstance(content, str) else "a text of several lines",
                "a text on one line, in ASCII",
                SET_IN_VAULT,
                at=f"{at}.{name}",
            )
    return {str(name): str(content) for name, content in value.items()}


def _mail(entry: Mapping[str, Any], at: str, findings: Findings) -> dict[str, Any]:
    to = entry.get("to")
    addresses = to if isinstance(to, list) else [to]
    for address in addresses:
        if not _is_address(address):
            what = "not set" if address is None else seen(address)
            findings.refuse(what, "an address such as ops@example.com, or a list", at=f"{at}.to")
    sender = entry.get("from")
    if sender is not None and not _is_address(sender):
        findings.refuse(seen(sender), "an address such as fleet@example.com", at=f"{at}.from")
    return {
        "to": [str(address) for address in addresses],
        "from": str(sender or ""),
        "smtp": _smtp(entry.get("smtp"), f"{at}.smtp", findings),
        "template": _path(entry.get("template"), f"{at}.template", findings),
    }


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and bool(_ADDRESS.fullmatch(value))


def _smtp(value: object, at: str, findings: Findings) -> dict[str, Any] | None:
    if value is None:
        return None
    given = {"host": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        findings.refuse(kind(value), "the name of a host, or a mapping with host", at=at)
        return None
    for key in given:
        if key not in _SMTP:
            findings.refuse("not a key", ", ".join(_SMTP), "remove it", at=f"{at}.{key}")
    host = given.get("host")
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        what = "not set" if host is None else seen(host)
        findings.refuse(what, "a DNS name or an IP address; the port in port", at=f"{at}.host")
    security, port = _way(given, at, findings)
    user, password = _login(given, at, findings)
    if user and security == "none" and not is_this_machine(str(host)):
        findings.refuse(
            "none, with a password",
            "starttls or tls, so that nobody reads it on the way",
            at=f"{at}.security",
        )
    return {
        "host": str(host),
        "port": port,
        "security": security,
        "user": user,
        "password": password,
        "ca_bundle": _path(given.get("ca_bundle"), f"{at}.ca_bundle", findings),
    }


def _way(given: Mapping[str, Any], at: str, findings: Findings) -> tuple[str, int]:
    security = given.get("security", "starttls")
    if security not in SECURITY:
        findings.refuse(seen(security), "starttls, tls or none", at=f"{at}.security")
        security = "starttls"
    port = integer(given.get("port", PORTS[security]))
    if port is None or not 1 <= port <= 65535:
        findings.refuse(seen(given["port"]), "a number from 1 to 65535", at=f"{at}.port")
    return str(security), port or PORTS[security]


def _login(given: Mapping[str, Any], at: str, findings: Findings) -> tuple[str, str]:
    user, password = given.get("user"), given.get("password")
    if (user is None) != (password is None):
        lacking = "user" if user is None else "password"
        findings.refuse("not set", "both, user and password, or neither", at=f"{at}.{lacking}")
    for key, one in (("user", user), ("password", password)):
        if one is not None and (not isinstance(one, str) or not one):
            findings.refuse(kind(one), "a text", SET_IN_VAULT, at=f"{at}.{key}")
    return str(user or ""), str(password or "")


def _command(entry: Mapping[str, Any], at: str, findings: Findings) -> dict[str, Any]:
    """Check a command: a list of arguments, or one line that is split as a shell would."""
    value, where = entry.get("command"), f"{at}.command"
    expected = "a list of arguments, or one line without a shell's operators"
    arguments: list[Any] = []
    if isinstance(value, str):
        try:
            arguments = shlex.split(value)
        except ValueError:
            findings.refuse("a text with an open quote", expected, at=where)
            return {"command": []}
        if "\n" in value or _OF_A_SHELL & set(arguments):
            todo = "put it into a script, or write [bash, -c, ...]"
            findings.refuse("a text for a shell", expected, todo, at=where)
    elif isinstance(value, list):
        arguments = value
    if not arguments or not all(isinstance(one, str) and "\0" not in one for one in arguments):
        what = "not set" if value is None else kind(value) if value else "empty"
        findings.refuse(what, expected, at=where)
        return {"command": []}
    program = str(arguments[0])
    if not program or ("/" in program and not PurePosixPath(program).is_absolute()):
        findings.refuse(
            "a relative path" if program else "empty",
            "an absolute path, or a program of PATH on the controller",
            at=f"{where}[0]",
        )
    return {"command": [str(one) for one in arguments]}


def _name(value: object, at: str, findings: Findings) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        findings.refuse(seen(value), "at most 40 letters, digits, spaces, and . _ -", at=at)
    return str(value)


def _name_all(normal: list[dict[str, Any]], findings: Findings) -> None:
    """Give each target a name of its own, for messages."""
    taken: set[str] = set()
    for index, target in enumerate(normal):
        if name := target.get("name"):
            if name in taken:
                findings.refuse(f"{name} twice", "each name once", at=f"[{index}].name")
            taken.add(name)
    for index, target in enumerate(normal):
        if target and not target["name"]:
            short = target.get("format") or target["type"]
            target["name"] = short if short not in taken else f"{short}-{index + 1}"
            taken.add(target["name"])


def _events(value: object, at: str, findings: Findings) -> list[str]:
    if value is None:
        return list(DEFAULT_EVENTS)
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        if entry not in EVENTS:
            findings.refuse(seen(entry), f"a list of {', '.join(EVENTS)}", at=at)
    if not entries:
        findings.refuse("empty", f"a list of {', '.join(EVENTS)}", "remove the target", at=at)
    return [str(entry) for entry in entries]


def _timeout(value: object, at: str, findings: Findings) -> int:
    seconds = integer(TIMEOUT if value is None else value)
    if seconds is None or not 1 <= seconds <= LONGEST_TIMEOUT:
        findings.refuse(
            seen(value),
            f"a number of seconds from 1 to {LONGEST_TIMEOUT}",
            at=f"{at}.timeout_seconds",
        )
    return seconds or TIMEOUT


def _path(value: object, at: str, findings: Findings) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not value.startswith("/"):
        findings.refuse(
            seen(value),
            "the absolute path of a file on the controller",
            'begin it with "{{ inventory_dir }}/"',
            at=at,
        )
    return str(value)


def _read(path: str, at: str, findings: Findings, read_file: ReadFile) -> bytes | None:
    try:
        return read_file(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.refuse(
            f"{seen(path)} ({reason})", "a file that can be read on the controller", at=at
        )
        return None


def _check_template(path: str, at: str, findings: Findings, read_file: ReadFile) -> None:
    content = _read(path, at, findings, read_file)
    if content is None:
        return
    try:
        jinja2.Environment(autoescape=False).parse(content.decode())  # noqa: S701 (JSON, or text)
    except UnicodeDecodeError:
        findings.refuse(seen(path), "a text in UTF-8", at=at)
    except jinja2.TemplateSyntaxError as error:
        what = f"{seen(path)}, whose line {error.lineno} is wrong ({seen(error.message)})"
        findings.refuse(what, "a template of Jinja", "correct it", at=at)
