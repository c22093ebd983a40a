"""Whether the certificates that a server presents lead to a root that clients can know.

A browser may fetch a missing intermediate; curl, HAProxy and most libraries do not, and refuse the
server (RFC 5246, section 7.4.2: only the root may be left out).

An authority of a company may have a root that its clients trust and the controller does not know.
Its intermediates say nowhere where their issuer can be fetched, as those of public authorities have
to (Baseline Requirements of the CA/Browser Forum, section 7.1.2).
"""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
except ImportError:
    # certificate_pair says so before anything here is called.
    pass

#: Where systems keep the roots that they trust, in one file: Debian, Red Hat, macOS and BSD.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
END = b"-----END CERTIFICATE-----"
#: More would be a loop.
LONGEST = 10


def in_order(
    certificate: x509.Certificate, others: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Return a certificate and its chain as a server has to present them (RFC 5246, 7.4.2).

    Each is followed by the one that issued it. What leads nowhere keeps its place behind them.

    Args:
        certificate: The server's own.
        others: The intermediates, in any order; also the certificate itself.
    """
    path = [certificate]
    rest = [one for one in dict.fromkeys(others) if one != certificate]
    while len(path) < LONGEST and path[-1].issuer != path[-1].subject:
        issuers = [one for one in rest if _issued(one, path[-1])]
        if not issuers:
            break
        path.append(max(issuers, key=lambda one: one.not_valid_after_utc))
        rest.remove(path[-1])
    return [*path, *rest]


def check_chain(
    certificates: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime
) -> list[str]:
    """Return a refusal if clients cannot follow the certificates to a root.

    Args:
        certificates: What the server presents, its own first; the others in any order.
        roots: The roots that the controller trusts; if it has none, an intermediate is enough.
        now: The time at which an intermediate must be valid; with a time zone.
    """
    at, others = certificates[0], list(certificates[1:])
    for _step in range(LONGEST):
        if at.issuer == at.subject or any(_issued(root, at) for root in roots):
            return []
        issuers = [one for one in others if _issued(one, at)]
        if not issuers:
            rooted = at is not certificates[0] and not (roots and _names_its_issuer(at))
            return [] if rooted else [_missing(at, certificates[0])]
        at = max(issuers, key=lambda one: one.not_valid_after_utc)
        others.remove(at)
        if not at.not_valid_before_utc <= now <= at.not_valid_after_utc:
            return [
                f"the intermediate certificate {_name(at.subject)} is valid from "
                f"{at.not_valid_before_utc:%Y-%m-%d} to {at.not_valid_after_utc:%Y-%m-%d}; "
                "expected one that is valid now; replace it by the one that your authority gives "
                "out today"
            ]
    return [_missing(at, certificates[0])]


def trusted_roots() -> list[x509.Certificate]:
    """Return the roots that this controller trusts; none if its bundle cannot be read."""
    named = [os.environ.get("SSL_CERT_FILE", ""), ssl.get_default_verify_paths().cafile or ""]
    for path in filter(None, [*named, *BUNDLES]):
        try:
            blocks = Path(path).read_bytes().split(END)[:-1]
        except OSError:
            continue
        return [root for block in blocks for root in _read(block + END)]
    return []


def _read(pem: bytes) -> list[x509.Certificate]:
    """Return a root of a bundle; not one that this library cannot read, or warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return x509.load_pem_x509_certificates(pem)
        except (ValueError, Warning):
            return []


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _names_its_issuer(certificate: x509.Certificate) -> bool:
    """Return whether a certificate says where that of its issuer can be fetched."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(
        one.access_method == x509.oid.AuthorityInformationAccessOID.CA_ISSUERS
        for one in found.value
    )


def _missing(at: x509.Certificate, leaf: x509.Certificate) -> str:
    whose = "it" if at is leaf else f"{_name(at.subject)}, which issued it,"
    return (
        f"the provided certificate is not complete: {whose} was issued by {_name(at.issuer)}, "
        "which is neither in it nor a root that the controller trusts, and most clients would "
        "refuse it; "
        "expected the site's own certificate and its intermediates; provide what your "
        "authority calls the full chain, give the intermediates as chain, or, if that is a root of "
        "your own, add it at the end"
    )


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "no name"
