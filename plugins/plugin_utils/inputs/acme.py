"""The checks of `app_tls` with the mode acme: its keys, and what a directory would refuse later."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
import ssl
from ipaddress import ip_address
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    kind,
    seen,
)

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
STANDING = "dns-persist-01"
CHALLENGES = ("http-01", "dns-01", STANDING)

DIRECTORY = f"the https:// URL of an ACME directory (by default Let's Encrypt, {LETS_ENCRYPT})"
CONTACT = "an e-mail address such as ops@example.com, or nothing"
CHALLENGE = (
    "http-01, dns-01 or dns-persist-01; for the last, one record stands in the DNS: the first run, "
    "which fails without it, says what it has to be"
)
HOOK = (
    "with dns-01, a command on the host by its absolute path, with its arguments; it finds the "
    "record in CERTBOT_DOMAIN and CERTBOT_VALIDATION, is called with `add` before and with "
    "`remove` after, as its last argument"
)
HOOK_ENVIRONMENT = (
    "a mapping of names to texts that the hook finds in its environment, such as a token of the "
    "DNS provider"
)
PROFILE = "the name of a profile of the directory, such as shortlived"
EAB = "{kid: ..., hmac_key: ...} as the CA gave them, the second in base64url"

_EMAIL = re.compile(r"[^@\s,<>]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+")
_URL = re.compile(r"https://[A-Za-z0-9.\[\]:_-]+(/[!-~]*)?")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KID = re.compile(r"[!-~]{1,512}")


def directory(value: object, findings: Findings) -> object:
    """Check the URL of a directory."""
    if not isinstance(value, str) or not _URL.fullmatch(value):
        findings.refuse(seen(value), "an https:// URL of an ACME directory")
    return value


def contact(value: object, findings: Findings) -> object:
    """Check an e-mail address; empty for none."""
    if value != "" and not (isinstance(value, str) and _EMAIL.fullmatch(value)):
        findings.refuse(seen(value), CONTACT)
    return value


def challenge(value: object, findings: Findings) -> object:
    """Check how the directory is shown who owns a name."""
    if value not in CHALLENGES:
        findings.refuse(seen(value), "http-01, dns-01 or dns-persist-01")
    return value


def hook(value: object, findings: Findings) -> str:
    """Check the hook's command: one line that a shell would split in the same way."""
    expected = "a command by its absolute path on the host, with its arguments"
    if not isinstance(value, str) or not value.isprintable():
        findings.refuse(seen(value), expected)
        return ""
    try:
        words = shlex.split(value)
    except ValueError as error:
        findings.refuse(f"{seen(value)} ({error})", expected, "close the quotation")
        return ""
    if not words or not words[0].startswith("/"):
        findings.refuse(seen(value), expected)
    return value


def hook_environment(value: object, findings: Findings) -> object:
    """Check the hook's environment; no value is shown."""
    if not isinstance(value, dict):
        findings.refuse(kind(value), "a mapping of names to texts")
        return {}
    for name, text in value.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            findings.refuse("not a name", "names of letters, digits and _", at=f".{seen(name)}")
        elif not isinstance(text, str) or not text.isprintable():
            shown = "a text of several lines" if isinstance(text, str) else kind(text)
            findings.refuse(shown, "a text on one line, in quotes", at=f".{name}")
    return value


def profile(value: object, findings: Findings) -> object:
    """Check the name of a profile; empty for the directory's own choice."""
    if value != "" and not (isinstance(value, str) and _WORD.fullmatch(value)):
        findings.refuse(seen(value), PROFILE)
    return value


def eab(value: object, findings: Findings) -> object:
    """Check an external account binding (RFC 8555, section 7.3.4); nothing of it is shown."""
    if not isinstance(value, dict) or value.keys() != {"kid", "hmac_key"}:
        given = ", ".join(map(str, value)) or "empty" if isinstance(value, dict) else kind(value)
        findings.refuse(given, EAB)
        return {}
    kid, key = value["kid"], value["hmac_key"]
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        findings.refuse(kind(kid), "the key identifier that the CA gave, in quotes", at=".kid")
    if not isinstance(key, str) or not _is_base64url(key):
        findings.refuse(
            "not base64url" if isinstance(key, str) else kind(key),
            "the HMAC key that the CA gave, in base64url, at least 16 bytes",
            at=".hmac_key",
        )
    return value


def together(value: dict[str, Any], findings: Findings) -> None:
    """Check keys that need or exclude each other."""
    by_dns = value.get("challenge") == "dns-01"
    if by_dns and not value.get("hook"):
        findings.refuse(
            "not set",
            "a command that writes the TXT records, since challenge is dns-01",
            "set it in group_vars/app.yml, or use http-01",
            at=".hook",
        )
    if not by_dns:
        for name in ("hook", "hook_environment"):
            if value.get(name):
                findings.refuse(
                    "set",
                    "it with challenge: dns-01 only, since no other challenge calls it",
                    "remove it, or set challenge: dns-01",
                    at=f".{name}",
                )


def check_domains(value: dict[str, Any], domains: list[str], findings: Findings) -> None:
    """Refuse names for which the directory gives no certificate in this way."""
    by_dns = value.get("challenge") in ("dns-01", STANDING)
    wildcards = [name for name in domains if name.startswith("*.")]
    if wildcards and not by_dns:
        findings.refuse(
            f"http-01 for {wildcards[0]}",
            "dns-01 or dns-persist-01, since a wildcard is proved by DNS alone",
            "set app_tls.challenge: dns-01 and app_tls.hook, or app_tls.challenge: "
            "dns-persist-01, or name the hosts in app_domain",
            at=".challenge",
        )
    addresses = [name for name in domains if _is_address(name)]
    if addresses and by_dns:
        findings.refuse(
            f"{value['challenge']} for {addresses[0]}",
            "http-01, since an address has no record in DNS",
            "remove app_tls.challenge",
            at=".challenge",
        )
    if (
        addresses
        and value.get("directory", LETS_ENCRYPT) == LETS_ENCRYPT
        and value.get("profile") != "shortlived"
    ):
        findings.refuse(
            value.get("profile") or "not set",
            f"shortlived for {addresses[0]}, since Let's Encrypt certifies addresses with it alone",
            "set app_tls.profile: shortlived",
            at=".profile",
        )


def check_bundle(content: bytes, findings: Findings) -> None:
    """Refuse a file that has no certificate that can be read."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode())
    except (ssl.SSLError, ValueError):
        findings.refuse(
            "without a certificate that can be read",
            "PEM text with the certificates of the CA that has signed the directory's own",
            at=".ca_bundle",
        )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_base64url(text: str) -> bool:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) >= 16
