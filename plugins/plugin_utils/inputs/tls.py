"""The check of `app_tls`: where the certificate of the site comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import acme, internal_ca
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import check_pair
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import (
    is_pem,
    names_private_key,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    SET_IN_VAULT,
    Findings,
    Problem,
    kind,
    seen,
)

if TYPE_CHECKING:
    from datetime import datetime

ReadFile = Callable[[str], bytes]
Check = Callable[[object, Findings], object]


@dataclass(frozen=True)
class Key:
    """One key of a TLS mode; without a check, PEM text or the path of a PEM file on the controller.

    Attributes:
        expected: What is allowed, for messages and the documentation.
        secret: Whether its text must never be shown, nor be in the fact `deployment`.
        required: Whether the key must be there.
        check: Validates another value than PEM, and normalises it; such a secret is no path.
    """

    expected: str
    secret: bool = False
    required: bool = True
    check: Check | None = None


_PEM = "PEM text, or the absolute path of a PEM file on the controller"

MODES: dict[str, dict[str, Key]] = {
    "selfsigned": {},
    "provided": {
        "certificate": Key(f"{_PEM}, with its chain"),
        "chain": Key(f"{_PEM}, with the intermediates that the certificate lacks", required=False),
        "key": Key(_PEM, secret=True),
        "key_password": Key(
            internal_ca.ENCRYPTED_BY, secret=True, required=False, check=internal_ca.password
        ),
    },
    "internal_ca": {
        "folder": Key(internal_ca.FOLDER, required=False, check=internal_ca.folder),
        "certificate": Key(f"{_PEM}, of the authority, instead of the folder", required=False),
        "key": Key(f"{_PEM}, of the authority", secret=True, required=False),
        "key_password": Key(
            f"{internal_ca.ENCRYPTED_BY}; also of the one in the folder",
            secret=True,
            required=False,
            check=internal_ca.password,
        ),
        "days": Key(internal_ca.DAYS, required=False, check=internal_ca.days),
    },
    "acme": {
        "directory": Key(acme.DIRECTORY, required=False, check=acme.directory),
        "contact": Key(acme.CONTACT, required=False, check=acme.contact),
        "challenge": Key(acme.CHALLENGE, required=False, check=acme.challenge),
        "hook": Key(acme.HOOK, required=False, check=acme.hook),
        "hook_environment": Key(
            acme.HOOK_ENVIRONMENT, secret=True, required=False, check=acme.hook_environment
        ),
        "profile": Key(acme.PROFILE, required=False, check=acme.profile),
        "eab": Key(acme.EAB, secret=True, required=False, check=acme.eab),
        "ca_bundle": Key(f"{_PEM}, for a directory with a CA of its own", required=False),
    },
}
"""The keys of each mode, besides `mode`; the modes are those of the role tls_certificate."""

SECRETS = frozenset(name for keys in MODES.values() for name, key in keys.items() if key.secret)


def tls(value: object, findings: Findings) -> dict[str, Any]:
    """Check the mode and its keys, and return them with every key of the mode.

    A mode alone may be written as a text: `app_tls: selfsigned` is `{mode: selfsigned}`.
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
    normal: dict[str, Any] = {"mode": mode}
    for name, key in keys.items():
        if given.get(name) is None and not key.required:
            continue
        normal[name] = _value(given.get(name), key, findings, f".{name}")
    if mode == "acme" and not findings.problems:
        acme.together(normal, findings)
    if mode == "internal_ca" and not findings.problems:
        internal_ca.together(normal, findings)
    return normal


def _value(value: object, key: Key, findings: Findings, at: str) -> object:
    if key.check is None:
        return _text(value, key, findings, at)
    own = Findings(f"{findings.variable}{at}", SET_IN_VAULT if key.secret else findings.advice)
    normal = key.check(value, own)
    findings.problems += own.problems
    return normal


def _text(value: object, key: Key, findings: Findings, at: str) -> str:
    todo = SET_IN_VAULT if key.secret else ""
    if value is None or value == "":
        findings.refuse("not set" if value is None else "empty", key.expected, todo, at=at)
    elif not isinstance(value, str) or not (is_pem(value) or value.startswith("/")):
        findings.refuse(kind(value) if key.secret else seen(value), key.expected, todo, at=at)
    elif not key.secret and names_private_key(value):
        # It would be shown as what it is taken for.
        findings.refuse("a text with a private key", "certificates alone", "remove the key", at=at)
    else:
        return value
    return ""


def check_material(
    value: dict[str, Any],
    domains: list[str],
    findings: Findings,
    *,
    now: datetime,
    read_file: ReadFile,
    base: Path | None = None,
) -> None:
    """Check the content of certificates and keys, after the mode's keys were accepted.

    Args:
        value: A value that `tls` returned without a problem.
        domains: The server names that the certificate must cover.
        findings: Takes the problems.
        now: The time for expiry, with a time zone.
        read_file: Reads a file of the controller, as bytes; decrypts a file encrypted by Vault.
        base: The folder of the inventory.
    """
    before = len(findings.problems)
    material: dict[str, bytes] = {}
    for name, key in MODES[value["mode"]].items():
        if key.check or name not in value:
            continue
        content = _content(value[name], findings, f".{name}", read_file)
        if content is not None:
            material[name] = content
    if len(findings.problems) > before:
        return
    if value["mode"] == "provided":
        for refusal in check_pair(
            material["certificate"],
            material["key"],
            domains,
            now,
            chain_pem=material.get("chain", b""),
            password=value.get("key_password", ""),
        ):
            findings.problems.append(Problem(findings.variable, f"app_tls: {refusal}"))
    if value["mode"] == "internal_ca":
        internal_ca.check_authority(
            value, material, findings, now=now, read_file=read_file, base=base
        )
    if value["mode"] == "acme":
        acme.check_domains(value, domains, findings)
        if "ca_bundle" in material:
            acme.check_bundle(material["ca_bundle"], findings)


def _content(text: str, findings: Findings, at: str, read_file: ReadFile) -> bytes | None:
    if is_pem(text):
        return text.encode()
    try:
        return read_file(text)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.refuse(
            f"{seen(text)} ({reason})", "a file that can be read on the controller", at=at
        )
        return None


def read_controller_file(path: str) -> bytes:
    """Read a file of the controller.

    Raises:
        OSError: The file cannot be read.
    """
    return Path(path).read_bytes()


def public_part(value: dict[str, Any]) -> dict[str, Any]:
    """Return the value without a secret; the path of a key is not secret."""
    keys = MODES.get(value.get("mode", ""), {})
    return {name: content for name, content in value.items() if not _is_secret(keys, name, content)}


def _is_secret(keys: dict[str, Key], name: str, content: object) -> bool:
    key = keys.get(name)
    if key is None or not key.secret:
        return False
    # Only a key of PEM may be a path.
    return key.check is not None or not isinstance(content, str) or is_pem(content)


def _modes() -> str:
    *first, last = MODES
    return f"{', '.join(first)} or {last}"
