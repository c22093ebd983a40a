"""Whether a certificate and its key can serve a site, before either is written anywhere.

Runs on the controller only, where `cryptography` comes with the tools: a host need not have it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_chain import (
    check_chain,
    in_order,
    trusted_roots,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import (
    NoKeyError,
    public_half,
    read_certificates,
    read_key,
    write_certificates,
    write_key,
)

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID
except ImportError as error:
    # Not at once: ansible-doc and what needs no certificate load this file without it as well.
    MISSING: ImportError | None = error
else:
    MISSING = None

if TYPE_CHECKING:
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import ServerKey

ADVICE = "correct the provided certificate and key"
#: What clients and OpenSSL's own defaults have refused for years (Baseline Requirements, 6.1.5).
LEAST_RSA = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")
BROKEN_HASHES = ("md5", "sha1")
STRONG = "RSA of at least 2048 bits, or the curve P-256, P-384 or P-521"


@dataclass(frozen=True)
class Pair:
    """A pair as servers get it.

    Attributes:
        certificate: The certificate and its chain in order, PEM; empty if it is refused.
        key: The private key, not encrypted, PEM; empty if it is refused.
        refusals: Why it cannot serve, without any part of the key; empty when the pair is fine.
    """

    certificate: str = ""
    key: str = ""
    refusals: list[str] = field(default_factory=list)


def missing_cryptography() -> str:
    """Return the refusal for a controller without `cryptography`; empty when it is there."""
    if not MISSING:
        return ""
    return (
        f"cryptography cannot be imported on the controller ({MISSING}); expected it where "
        f"Ansible runs; install it: {sys.executable} -m pip install cryptography"
    )


def check_pair(
    certificate_pem: bytes,
    key_pem: bytes,
    domains: list[str],
    now: datetime,
    *,
    chain_pem: bytes = b"",
    password: str = "",
) -> list[str]:
    """Return a refusal for each reason why the pair cannot serve the domains; see `prepare`."""
    told = {"chain_pem": chain_pem, "password": password}
    return prepare(certificate_pem, key_pem, domains, now, **told).refusals  # type: ignore[arg-type]


def prepare(
    certificate_pem: bytes,
    key_pem: bytes,
    domains: list[str],
    now: datetime,
    *,
    chain_pem: bytes = b"",
    password: str = "",
) -> Pair:
    """Return the pair as servers get it, or why it cannot serve the domains.

    Args:
        certificate_pem: The certificate, with its chain in any order.
        key_pem: Its private key.
        domains: The names (or addresses) that clients ask for.
        now: The time at which it must be valid; with a time zone.
        chain_pem: The intermediates that `certificate_pem` lacks.
        password: What the key is encrypted with; empty if it is not.
    """
    if refusal := missing_cryptography():
        return Pair(refusals=[refusal])
    refusals: list[str] = []
    certificates = _certificates("the provided certificate", certificate_pem, refusals)
    more = _certificates("the provided chain", chain_pem, refusals) if chain_pem.strip() else []
    key = _key(key_pem, password, refusals)
    if not certificates:
        return Pair(refusals=refusals)
    certificate = _own([*certificates, *more], key)
    chain = in_order(certificate, [*certificates, *more])
    if key is not None and public_half(key) != public_half(certificate):
        refusals.append(
            "the provided key belongs to another certificate; expected the key that the "
            f"certificate of {_names_text(certificate)} was made for; {ADVICE}"
        )
    moment = now.astimezone(timezone.utc)
    refusals += _check_dates(certificate, moment)
    refusals += _check_strength(chain)
    refusals += _check_purpose(certificate)
    missing = [domain for domain in domains if not _covers(certificate, domain)]
    if missing:
        refusals.append(
            f"the provided certificate is for {_names_text(certificate)}; expected it to cover "
            f"{', '.join(missing)} as well; provide one with all names, or correct the domains"
        )
    refusals = refusals or check_chain(chain, trusted_roots(), moment)
    if refusals or key is None:
        return Pair(refusals=refusals)
    return Pair(write_certificates(chain), write_key(key))


def _certificates(subject: str, pem: bytes, refusals: list[str]) -> list[x509.Certificate]:
    try:
        found = read_certificates(pem)
    except ValueError:
        found = []
    if not found:
        hint = (
            "it looks like DER or PKCS #12: convert it, by openssl x509 -inform der or by "
            "openssl pkcs12 -nodes"
            if pem[:1] == b"\x30"
            else ADVICE
        )
        refusals.append(
            f"{subject} is not readable; expected PEM text with "
            f"'-----BEGIN CERTIFICATE-----', the site's own and its chain; {hint}"
        )
    return found


def _key(pem: bytes, password: str, refusals: list[str]) -> ServerKey | None:
    try:
        return read_key(pem, password)
    except NoKeyError as error:
        refusals.append(
            f"the provided key {error}; expected PEM text of a private key for RSA, ECDSA or "
            f"Ed25519, and key_password for one that is encrypted; {ADVICE}"
        )
        return None


def _own(certificates: list[x509.Certificate], key: ServerKey | None) -> x509.Certificate:
    """Return the site's own certificate: that of the key, wherever it stands, or the first."""
    if key is None:
        return certificates[0]
    half = public_half(key)
    return next((one for one in certificates if public_half(one) == half), certificates[0])


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


def _check_strength(chain: list[x509.Certificate]) -> list[str]:
    """Refuse what clients refuse; nobody checks the signature of a root that they trust."""
    refusals = []
    for at, certificate in enumerate(chain):
        whose = "the provided certificate" if at == 0 else _subject(certificate)
        if weak := weak_key(certificate):
            refusals.append(
                f"{whose} has a key of {weak}; expected {STRONG}, or Ed25519; "
                "have one made for a stronger key"
            )
        if certificate.issuer == certificate.subject and at > 0:
            continue
        if broken := broken_signature(certificate):
            refusals.append(
                f"{whose} is signed with {broken}, which clients refuse; expected SHA-256 or "
                "better; have a new one issued"
            )
    return refusals


def weak_key(certificate: x509.Certificate) -> str:
    """Return what is too weak of a certificate's key, such as `RSA 1024`; empty if nothing is."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA with {key.key_size} bits" if key.key_size < LEAST_RSA else ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"the curve {key.curve.name}" if key.curve.name not in CURVES else ""
    return ""


def broken_signature(certificate: x509.Certificate) -> str:
    """Return the hash of a certificate's signature if it is broken, such as `SHA-1`."""
    found: hashes.HashAlgorithm | None = certificate.signature_hash_algorithm
    if found is None or found.name not in BROKEN_HASHES:
        return ""
    return found.name.upper().replace("SHA1", "SHA-1")


def _check_purpose(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    any_use = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
    if ExtendedKeyUsageOID.SERVER_AUTH in found or any_use in found:
        return []
    return [
        "the provided certificate is not for a server (its extended key usage lacks serverAuth); "
        "expected one that is; have it issued for a web server"
    ]


def _subject(certificate: x509.Certificate) -> str:
    return f"{certificate.subject.rfc4514_string() or 'no name'}, in its chain,"


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
