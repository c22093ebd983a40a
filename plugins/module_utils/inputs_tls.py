"""The check of `app_tls`: where the certificate of the site comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.asgi.fleet.plugins.module_utils.certificate import check_pair
from ansible_collections.asgi.fleet.plugins.module_utils.inputs_problems import (
    SET_IN_VAULT,
    Findings,
    kind,
    seen,
)

if TYPE_CHECKING:
    from datetime import datetime

ReadFile = Callable[[str], bytes]

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


@dataclass(frozen=True)
class Key:
    """One key of a TLS mode.

    Attributes:
        expected: What is allowed, for messages and the documentation.
        required: Whether the key must be there.
        secret: Whether its value must never be shown and is left out of the fact `deployment`.
        default: The value when it is not set.
        file: Whether it is PEM text or the path of a PEM file on the controller.
    """

    expected: str
    required: bool = False
    secret: bool = False
    default: str = ""
    file: bool = False


_PEM = "PEM text, or the absolute path of a PEM file on the controller"

MODES: dict[str, dict[str, Key]] = {
    "selfsigned": {},
    "acme": {
        "email": Key("the address that the certificate authority writes to", required=True),
        "directory_url": Key("the URL of an ACME directory", default=LETS_ENCRYPT),
    },
    "internal_ca": {
        "ca_certificate": Key(_PEM, required=True, file=True),
        "ca_key": Key(_PEM, required=True, secret=True, file=True),
        "ca_key_passphrase": Key("the passphrase of ca_key", secret=True),
    },
    "provided": {
        "certificate": Key(f"{_PEM}, with its chain", required=True, file=True),
        "key": Key(_PEM, required=True, secret=True, file=True),
    },
}
"""The keys of each mode, besides `mode`."""

SECRETS = frozenset(name for keys in MODES.values() for name, key in keys.items() if key.secret)


def tls(value: object, findings: Findings) -> dict[str, str]:
    """Check the mode and its keys, and return them with every key of the mode.

    A mode alone may be written as a text: `app_tls: acme` is `{mode: acme}`.
    """
    given = {"mode": value} if isinstance(value, str) else value
    if not isinstance(given, dict):
        findings.refuse(kind(value), f"a mapping with mode {_modes()}")
        return {}
    mode = given.get("mode")
    if mode is None:
        findings.refuse("not set", _modes(), at=".mode")
        return {}
    if not isinstance(mode, str) or mode not in MODES:
        findings.refuse(seen(mode), _modes(), at=".mode")
        return {}
    keys = MODES[mode]
    for name in given:
        if name != "mode" and name not in keys:
            allowed = ", ".join(["mode", *keys])
            findings.refuse(f"not a key of the mode {mode}", allowed, "remove it", at=f".{name}")
    normal = {"mode": mode}
    for name, key in keys.items():
        normal[name] = _text(given.get(name), key, findings, f".{name}")
    return normal


def _text(value: object, key: Key, findings: Findings, at: str) -> str:
    todo = SET_IN_VAULT if key.secret else ""
    if value is None or value == "":
        if key.required:
            findings.refuse("not set" if value is None else "empty", key.expected, todo, at=at)
        return key.default
    shown = kind(value) if key.secret else seen(value)
    if not isinstance(value, str):
        findings.refuse(shown, key.expected, todo, at=at)
        return ""
    wrong = (
        (key.file and not is_pem(value) and not value.startswith("/"))
        or (at == ".email" and ("@" not in value or " " in value))
        or (at == ".directory_url" and not value.startswith("https://"))
    )
    if wrong:
        findings.refuse(shown, key.expected, todo, at=at)
    return value


def is_pem(text: str) -> bool:
    """Return whether a text is PEM itself and not the path of a file."""
    return text.lstrip().startswith("-----BEGIN ")


def check_material(
    value: dict[str, str],
    domains: list[str],
    findings: Findings,
    *,
    now: datetime,
    read_file: ReadFile,
) -> None:
    """Check what the certificates and keys say, once the mode's keys are known to be right.

    Args:
        value: A value that `tls` returned without a complaint.
        domains: The server names that the certificate must cover.
        findings: Takes the problems.
        now: The time for expiry, with a time zone.
        read_file: Reads a file of the controller, as bytes; a file encrypted by Vault in clear.
    """
    material: dict[str, bytes] = {}
    for name, key in MODES[value["mode"]].items():
        if key.file:
            content = _content(value[name], findings, f".{name}", read_file)
            if content is not None:
                material[name] = content
    if value["mode"] == "provided" and material.keys() == {"certificate", "key"}:
        for reason in check_pair(material["certificate"], material["key"], domains, now):
            findings.refuse(
                f"not usable: {reason}",
                "a certificate in date that covers app_domain, and its own key",
                "set app_tls.certificate and app_tls.key to such a pair",
                at=".certificate",
            )
    for domain in domains:
        if value["mode"] == "acme" and domain.startswith("*."):
            findings.refuse(
                f"acme for {domain}",
                "another mode for a wildcard, which the HTTP-01 challenge cannot prove",
                "name the hosts one by one in app_domain, or provide a certificate",
                at=".mode",
            )


def _content(text: str, findings: Findings, at: str, read_file: ReadFile) -> bytes | None:
    if is_pem(text):
        return text.encode()
    try:
        content = read_file(text)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.refuse(
            f"{seen(text)} ({reason})", "a file that can be read on the controller", at=at
        )
        return None
    if b"-----BEGIN " not in content:
        findings.refuse(f"{seen(text)}, which is not PEM", "a PEM file", at=at)
        return None
    return content


def read_controller_file(path: str) -> bytes:
    """Read a file of the controller.

    Raises:
        OSError: The file cannot be read.
    """
    return Path(path).read_bytes()


def public_part(value: dict[str, str]) -> dict[str, str]:
    """Return the value without the keys that are secret."""
    return {name: text for name, text in value.items() if name not in SECRETS}


def _modes() -> str:
    *first, last = MODES
    return f"{', '.join(first)} or {last}"
