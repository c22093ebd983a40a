"""An authority of one's own: makes one, refuses one that cannot be it, and issues certificates.

Its private key stays on the controller. A host makes its own key and sends a request; of that, only
the public key counts: names and dates are the controller's. Pure; runs on the controller only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_chain import in_order
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import (
    STRONG,
    broken_signature,
    weak_key,
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
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:
    # Refused by certificate_pair.missing_cryptography() where it is needed.
    pass

if TYPE_CHECKING:
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import ServerKey

LIFETIME = timedelta(days=3652)
#: A clock that is behind must not refuse a new certificate.
BACKDATED = timedelta(hours=1)
#: With less of its lifetime left, an authority should be replaced: who trusts it needs time for it.
SHARE_TO_REPLACE = 0.25
LONGEST_NAME = 64


class AuthorityError(ValueError):
    """What is given cannot be an authority; one message for each reason."""

    def __init__(self, refusals: Sequence[str]) -> None:
        super().__init__(" / ".join(refusals))
        self.refusals = list(refusals)


@dataclass(frozen=True)
class Names:
    """What the variables are called in which an authority is given, for messages."""

    certificate: str
    key: str
    password: str


@dataclass(frozen=True)
class Authority:
    """An authority that can issue certificates.

    Attributes:
        certificates: Its own, then what leads to its root.
        key: Its private key.
    """

    certificates: tuple[x509.Certificate, ...]
    key: ServerKey

    @property
    def certificate(self) -> x509.Certificate:
        """Its own certificate."""
        return self.certificates[0]

    @property
    def root(self) -> x509.Certificate:
        """What clients have to trust."""
        return self.certificates[-1]

    @property
    def pem(self) -> str:
        """What clients have to trust, as PEM."""
        return write_certificates([self.root])

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of what clients have to trust, as browsers show it."""
        return self.root.fingerprint(hashes.SHA256()).hex(":").upper()

    def share_left(self, now: datetime) -> float:
        """Return which share of its lifetime the first of its certificates to end still has."""
        return min(
            (one.not_valid_after_utc - now) / (one.not_valid_after_utc - one.not_valid_before_utc)
            for one in self.certificates
        )


def read_authority(
    certificate_pem: bytes, key_pem: bytes, password: str, names: Names, now: datetime
) -> Authority:
    """Return an authority that was given.

    Args:
        certificate_pem: Its certificate; if that is no root, with what leads to its root.
        key_pem: Its private key.
        password: What the key is encrypted with; empty if it is not.
        names: For messages.
        now: The time at which it must be valid; with a time zone.

    Raises:
        AuthorityError: It cannot be one.
    """
    refusals: list[str] = []
    key: ServerKey | None = None
    try:
        key = read_key(key_pem, password)
    except NoKeyError as error:
        refusals.append(
            f"{names.key} {error}; expected PEM text of the authority's private key; correct "
            f"{names.key} and {names.password}"
        )
    try:
        found = read_certificates(certificate_pem)
    except ValueError:
        found = []
    if not found:
        refusals.append(
            f"{names.certificate} is not readable; expected PEM text of the authority's "
            f"certificate; correct {names.certificate}"
        )
        raise AuthorityError(refusals)
    own = found[0]
    if key is not None:
        half = public_half(key)
        own = next((one for one in found if public_half(one) == half), own)
        if public_half(own) != half:
            refusals.append(
                f"{names.key} belongs to another certificate than {_name(own)}; expected the key "
                f"of the authority in {names.certificate}; correct one of them"
            )
    path = in_order(own, found)
    path = path[: 1 + next((at for at, one in enumerate(path) if _is_root(one)), len(path))]
    for one in path:
        refusals += _unfit(one, names, now)
    if not refusals and not _is_root(path[-1]):
        refusals.append(
            f"{names.certificate} has {_name(own)}, and not the root that leads to it "
            f"({path[-1].issuer.rfc4514_string()}); expected both, since clients have to trust a "
            "root; add the root's certificate"
        )
    if refusals or key is None:
        raise AuthorityError(refusals)
    return Authority(tuple(path), key)


def make_authority(now: datetime) -> Authority:
    """Return a new authority.

    Args:
        now: With a time zone.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Another name for each: clients look for the issuer of a certificate by its name.
    name = _common_name(f"asgi.fleet CA {identifier.digest.hex()[:8]}")
    usage = x509.KeyUsage(
        *(False, False, False, False, False), key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority((certificate,), key)


def write_authority_key(key: ServerKey, password: str) -> str:
    """Return the private key of an authority as PEM, encrypted if there is a password."""
    if not password:
        return write_key(key)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    ).decode()


def issue(
    authority: Authority, request_pem: str, name: str, domains: Sequence[str], days: float,
    now: datetime,
) -> str:  # fmt: skip
    """Return a certificate and what leads to the authority's root, without the root, as PEM.

    Args:
        authority: Who issues it.
        request_pem: The host's request; only its public key counts.
        name: The common name.
        domains: Names and addresses that it is for.
        days: For how long; it never outlives the authority.
        now: With a time zone.

    Raises:
        ValueError: The request is not readable, or its key is weak or was not used to sign it.
    """
    request = x509.load_pem_x509_csr(request_pem.encode())
    if not request.is_signature_valid:
        raise ValueError("the request was not signed with its own key")
    issuer = authority.certificate
    ends = min(
        now + timedelta(days=days), *(one.not_valid_after_utc for one in authority.certificates)
    )
    usage = x509.KeyUsage(
        True, *(False, False, False, False), key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(_common_name(name))
        .issuer_name(issuer.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - BACKDATED, issuer.not_valid_before_utc))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(map(_general, domains))), critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False
        )
        .add_extension(_issuer_identifier(issuer), critical=False)
    )
    own_hash = isinstance(authority.key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    signed = builder.sign(authority.key, None if own_hash else hashes.SHA256())
    if weak := weak_key(signed):
        raise ValueError(f"the request is for a key of {weak}; expected {STRONG}")
    # Clients have the root; an intermediate they need.
    chain = [one for one in authority.certificates if not _is_root(one)]
    return write_certificates([signed, *chain])


def _unfit(certificate: x509.Certificate, names: Names, now: datetime) -> list[str]:
    """Return why a certificate cannot be one of an authority."""
    who, todo = f"{names.certificate} has {_name(certificate)}, which", "give another one"
    refusals = []
    if not _may_sign(certificate):
        refusals.append(
            f"{who} is no authority (its basic constraints or key usage do not allow to sign "
            f"certificates); expected one that is; {todo}"
        )
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now <= ends:
        refusals.append(
            f"{who} is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}; expected one that is valid "
            f"now; {todo}"
        )
    if weak := weak_key(certificate):
        refusals.append(f"{who} has a key of {weak}; expected {STRONG}; {todo}")
    broken = broken_signature(certificate)
    if broken and not _is_root(certificate):
        refusals.append(f"{who} is signed with {broken}; expected SHA-256 or better; {todo}")
    return refusals


def _may_sign(certificate: x509.Certificate) -> bool:
    extensions = certificate.extensions
    try:
        if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        return False
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject


def _issuer_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name if name.isascii() else name.encode("idna").decode())


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:LONGEST_NAME])])


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a name"
