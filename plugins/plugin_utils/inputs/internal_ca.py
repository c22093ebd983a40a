"""The checks of `app_tls` with the mode internal_ca: an authority of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.authority_folder import (
    AuthorityFolder,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_authority import (
    AuthorityError,
    Names,
    read_authority,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import (
    missing_cryptography,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    kind,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

DEFAULT_FOLDER = "authority"
DEFAULT_DAYS = 30
#: More than that, Apple's clients refuse of any authority (825 days since 2019).
LONGEST_DAYS = 825
FOLDER = (
    f"a folder on the controller, by default {DEFAULT_FOLDER}, beside the inventory; the first run "
    "makes the authority there"
)
ENCRYPTED_BY = "the text by which the private key is encrypted"
DAYS = f"how long a certificate is valid, from 1 to {LONGEST_DAYS} days (by default {DEFAULT_DAYS})"
NAMES = Names("app_tls.certificate", "app_tls.key", "app_tls.key_password")


def folder(value: object, findings: Findings) -> object:
    """Check the path of a folder."""
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        findings.refuse(seen(value), "the path of a folder on the controller")
    return value


def password(value: object, findings: Findings) -> object:
    """Check a password; never show it."""
    if not isinstance(value, str) or not value:
        findings.refuse("empty" if value == "" else kind(value), ENCRYPTED_BY)
    return value


def days(value: object, findings: Findings) -> object:
    """Check a number of days."""
    number = integer(value)
    if number is None or not 1 <= number <= LONGEST_DAYS:
        findings.refuse(seen(value), f"a number of days from 1 to {LONGEST_DAYS}")
    return number


def together(value: Mapping[str, Any], findings: Findings) -> None:
    """Refuse half an authority, and two of them."""
    given = [name for name in ("certificate", "key") if name in value]
    if len(given) == 1:
        other = "key" if given == ["certificate"] else "certificate"
        findings.refuse(
            "not set",
            f"it as well, since app_tls.{given[0]} is set",
            f"set it, or remove app_tls.{given[0]} to have an authority made",
            at=f".{other}",
        )
    elif given and "folder" in value:
        findings.refuse(
            seen(value["folder"]),
            "nothing, since the authority is given by app_tls.certificate",
            "remove one of them",
            at=".folder",
        )


def check_authority(
    value: Mapping[str, Any],
    material: Mapping[str, bytes],
    findings: Findings,
    *,
    now: datetime,
    read_file: Callable[[str], bytes],
    base: Path | None,
) -> None:
    """Refuse an authority that cannot issue certificates.

    Args:
        value: The checked `app_tls`.
        material: The PEM of its certificate and key, if they are given.
        findings: Takes the problems.
        now: With a time zone.
        read_file: Reads a file of the controller; decrypts one that Vault encrypted.
        base: The folder of the inventory.
    """
    if refusal := missing_cryptography():
        findings.problems.append(Problem(findings.variable, f"app_tls: {refusal}"))
        return
    secret = str(value.get("key_password", ""))
    try:
        if "certificate" in material:
            read_authority(material["certificate"], material["key"], secret, NAMES, now)
            return
        path = Path(value.get("folder", DEFAULT_FOLDER)).expanduser()
        if not path.is_absolute() and base is None:
            findings.refuse(
                f"{path}, and the inventory has no folder",
                "an absolute path",
                at=".folder",
            )
            return
        AuthorityFolder((base or Path("/")) / path, secret, read_file).look(now)
    except AuthorityError as error:
        findings.problems += [
            Problem(findings.variable, f"app_tls: {refusal}") for refusal in error.refusals
        ]
