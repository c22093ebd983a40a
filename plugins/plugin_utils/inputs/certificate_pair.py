"""Whether a certificate and its key can serve a site, before either is written anywhere.

Runs on the controller only, where `cryptography` comes with the tools: a host need not have it.
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from ipaddress import ip_address

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_chain import (
    check_chain,
    trusted_roots,
)

try:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )
except ImportError as error:
    # Not at once: ansible-doc and what needs no certificate load this file without it as well.
    MISSING: ImportError | None = error
else:
    MISSING = None

ADVICE = "correct the provided certificate and key"


def missing_cryptography() -> str:
    """Return the refusal for a controller without `cryptography`; empty when it is there."""
    if not MISSING:
        return ""
    return (
        f"cryptography cannot be imported on the controller ({MISSING}); expected it where "
        f"Ansible runs; install it: {sys.executable} -m pip install cryptography"
    )


def check_pair(
    certificate_pem: bytes, key_pem: bytes, domains: list[str], now: datetime
) -> list[str]:
    """Return a refusal for each reason why the pair cannot serve the domains.

    Args:
        certificate_pem: the certificate, followed by its chain.
        key_pem: its private key, without a passphrase.
        domains: the names (or addresses) that clients ask for.
        now: The time at which it must be valid; with a time zone.

    Returns:
        Refusals without any part of the key; an empty list when the pair is fine.
    """
    if refusal := missing_cryptography():
        return [refusal]
    refusals: list[str] = []
    certificates = _load_certificates(certificate_pem, refusals)
    key_spki = _load_public_part(key_pem, refusals)
    if not certificates:
        return refusals
    certificate = certificates[0]
    if key_spki is not None and key_spki != certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ):
        refusals.append(
            "the provided key belongs to another certificate; expected the key that the "
            f"certificate of {_names_text(certificate)} was made for; {ADVICE}"
        )
    refusals += _check_dates(certificate, now.astimezone(timezone.utc))
    missing = [domain for domain in domains if not _covers(certificate, domain)]
    if missing:
        refusals.append(
            f"the provided certificate is for {_names_text(certificate)}; expected it to cover "
            f"{', '.join(missing)} as well; provide one with all names, or correct the domains"
        )
    return refusals or check_chain(certificates, trusted_roots(), now.astimezone(timezone.utc))


def _load_certificates(pem: bytes, refusals: list[str]) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        refusals.append(
            "the provided certificate is not readable; expected PEM text that starts with "
            f"'-----BEGIN CERTIFICATE-----', the site's own first, then its chain; {ADVICE}"
        )
        return []


def _load_public_part(pem: bytes, refusals: list[str]) -> bytes | None:
    """Return the DER of the public key; the cause of a failure could quote the private key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        refusals.append(
            "the provided key is not readable; expected PEM text of a private key without a "
            f"passphrase; {ADVICE}"
        )
        return None
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_dates(certificate: x509.Certificate, now: datetime) -> list[str]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return [
            f"the provided certificate expired on {end:%Y-%m-%d %H:%M} UTC; expected one that is "
            "valid now; renew it and provide the new one"
        ]
    if now < start:
        return [
            f"the provided certificate is valid from {start:%Y-%m-%d %H:%M} UTC; expected one that "
            "is valid now; wait, or correct the clock of the controller"
        ]
    return []


def _names(certificate: x509.Certificate) -> list[str]:
    """Return the subject alternative names; clients have ignored the common name since 2017."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    names = extension.value
    return [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    ]


def _names_text(certificate: x509.Certificate) -> str:
    return ", ".join(_names(certificate)) or "no name at all (no subjectAltName)"


def _covers(certificate: x509.Certificate, domain: str) -> bool:
    """Match as RFC 6125 does: a wildcard stands for exactly the left-most label."""
    try:
        return str(ip_address(domain)) in _names(certificate)
    except ValueError:
        wanted = domain.lower().rstrip(".")
    wildcard = "*." + wanted.partition(".")[2]
    return any(name.lower() in (wanted, wildcard) for name in _names(certificate))
