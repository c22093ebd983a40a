"""Certificates and private keys out of the texts that people have.

What is written around and between the blocks counts for nothing, as for every reader of PEM (RFC
7468, section 2): text before them, `Bag Attributes` of OpenSSL, spaces, a byte order mark, line
ends of DOS, no line end at all. What leaves here is written as the strictest reader wants it.

Runs on the controller only. `certificate_pair` refuses a controller without `cryptography` first.
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
    )
except ImportError:
    pass

if TYPE_CHECKING:
    #: A key that a server can have.
    ServerKey = (
        ec.EllipticCurvePrivateKey
        | rsa.RSAPrivateKey
        | ed25519.Ed25519PrivateKey
        | ed448.Ed448PrivateKey
    )

BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
#: `Proc-Type` and `DEK-Info` of a key that OpenSSL encrypted in its own, older way (RFC 1421).
HEADER = re.compile(rb"\s*([A-Za-z-]+: *[^\r\n]*?)[ \t]*\r?\n")
#: The second is what OpenSSL wrote before 1995, and still reads.
CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE")
PRIVATE_KEY = b"PRIVATE KEY"
LINE = 64


class NoKeyError(ValueError):
    """There is no private key to read; the message says what was seen, and quotes nothing."""


def is_pem(text: str) -> bool:
    """Return whether a text is PEM itself and not the path of a file."""
    return "-----BEGIN " in text


def names_private_key(text: str) -> bool:
    """Return whether a text is a private key, or has one in it."""
    return "PRIVATE KEY-----" in text


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of PEM text, in their order, each once; other blocks are passed over.

    Raises:
        ValueError: One of them is not readable.
    """
    found: list[x509.Certificate] = []
    for label, body in _blocks(pem):
        if label in CERTIFICATES:
            certificate = x509.load_der_x509_certificate(_decoded(body))
            if certificate not in found:
                found.append(certificate)
    return found


def write_certificates(certificates: Sequence[x509.Certificate]) -> str:
    """Return certificates as PEM, one after the other."""
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def read_key(pem: bytes, password: str = "") -> ServerKey:
    """Return the first private key of PEM text: PKCS #8, PKCS #1 or SEC 1, encrypted or not.

    Args:
        pem: The text.
        password: What the key is encrypted with; empty for a key that is not.

    Raises:
        NoKeyError: There is none that a server could have, or the password does not fit.
    """
    block = next(((at, body) for at, body in _blocks(pem) if at.endswith(PRIVATE_KEY)), None)
    if block is None:
        raise NoKeyError("is not readable")
    label, body = block
    headers, rest = _headers(body)
    encrypted = label.startswith(b"ENCRYPTED") or bool(headers)
    if encrypted and not password:
        raise NoKeyError("is encrypted, and its password is not given")
    if password and not encrypted:
        raise NoKeyError("is not encrypted, and a password is given")
    try:
        key = load_pem_private_key(
            _written(label, headers, rest), password=password.encode() if password else None
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause could quote the key.
        wrong = "cannot be decrypted with the given password"
        raise NoKeyError(wrong if encrypted else "is not readable") from None
    if not isinstance(
        key,
        ec.EllipticCurvePrivateKey
        | rsa.RSAPrivateKey
        | ed25519.Ed25519PrivateKey
        | ed448.Ed448PrivateKey,
    ):
        raise NoKeyError("is of a kind that no server can use")
    return key


def write_key(key: ServerKey) -> str:
    """Return a private key as PEM, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_half(holder: x509.Certificate | x509.CertificateSigningRequest | ServerKey) -> bytes:
    """Return the public key of a certificate, a request or a private key, as DER."""
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _blocks(pem: bytes) -> Iterator[tuple[bytes, bytes]]:
    for found in BLOCK.finditer(pem):
        yield found[1], found[2]


def _headers(body: bytes) -> tuple[list[bytes], bytes]:
    headers, at = [], 0
    while found := HEADER.match(body, at):
        headers.append(found[1])
        at = found.end()
    return headers, body[at:]


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def _written(label: bytes, headers: Iterable[bytes], body: bytes) -> bytes:
    told = [b"-----BEGIN " + label + b"-----", *headers]
    lines = textwrap.wrap(b"".join(body.split()).decode("ascii", "replace"), LINE)
    told += [b""] if headers else []
    return b"\n".join([*told, *map(str.encode, lines), b"-----END " + label + b"-----", b""])
