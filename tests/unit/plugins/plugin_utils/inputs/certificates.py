"""Certificates and authorities for tests: made in memory, with what is wrong about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

WEAK_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 (the one that is refused)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: str = "", form: str = "PKCS8") -> bytes:
        """The key as PEM, in a form of `PrivateFormat`."""
        hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            hidden = serialization.BestAvailableEncryption(password.encode())
        return self.key.private_bytes(
            serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), hidden
        )


def make(
    name: str = "shop.example.com",
    issuer: Made | None = None,
    *,
    key: CertificateIssuerPrivateKeyTypes | None = None,
    days: tuple[float, float] = (-1, 90),
    ca: bool | None = False,
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
    sign: bool | None = None,
    digest: hashes.SHA384 | None = None,
    own_hash: bool = False,
) -> Made:
    """Make a certificate; by default that of a server, signed by itself.

    Args:
        name: Its common name, and what it is for.
        issuer: Who signs it; itself by default.
        key: Its key; one on P-256 by default.
        days: From and until when it is valid, from NOW.
        ca: Its basic constraints; None for none.
        usage: Its extended key usage; None for none.
        sign: Whether its key usage allows to sign certificates; None for no key usage.
        digest: The hash of the signature; SHA-256 by default.
        own_hash: Whether the signing key has a hash of its own.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start, end = (NOW + timedelta(days=day) for day in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([general(name)]), critical=False)
    )
    if ca is not None:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=ca, path_length=None), critical=True
        )
    if sign is not None:
        builder = builder.add_extension(
            x509.KeyUsage(
                not sign, *(False, False, False, False), key_cert_sign=sign, crl_sign=sign,
                encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )  # fmt: skip
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    signer = issuer.key if issuer else key
    return Made(builder.sign(signer, None if own_hash else digest or hashes.SHA256()), key)


def authority(name: str = "Company CA", issuer: Made | None = None, **changed: object) -> Made:
    """Make an authority."""
    wanted = {"ca": True, "sign": True, "usage": None, **changed}
    return make(name, issuer, **wanted)  # type: ignore[arg-type]


def request(
    key: CertificateIssuerPrivateKeyTypes | None = None, name: str = "evil.example.com"
) -> str:
    """Make a request for a certificate that asks for a name of its own choice."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([general(name)]), critical=False)
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def general(name: str) -> x509.GeneralName:
    """Return a name or an address as certificates have it."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
