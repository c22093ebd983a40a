"""An authority of one's own: what can be one, and what it issues."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_authority import (
    Authority,
    AuthorityError,
    Names,
    issue,
    make_authority,
    read_authority,
    write_authority_key,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import (
    read_certificates,
    write_key,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.plugins.plugin_utils.inputs.certificates import (
    NOW,
    WEAK_RSA,
    authority,
    make,
    request,
)

NAMES = Names("app_tls.certificate", "app_tls.key", "app_tls.key_password")
ROOT = authority("Root")
ISSUING = authority("Issuing", ROOT)
DOMAINS = ["shop.example.com", "*.example.com", "192.0.2.1", "2001:db8::1", "bücher.example"]


def read(
    certificate: bytes = ROOT.pem, key: bytes = ROOT.key_pem(), password: str = ""
) -> Authority:
    return read_authority(certificate, key, password, NAMES, NOW)


def refusals(certificate: bytes, key: bytes, password: str = "") -> list[str]:
    with pytest.raises(AuthorityError) as refused:
        read(certificate, key, password)
    return refused.value.refusals


def issued(by: Authority, days: float = 30, domains: list[str] = DOMAINS) -> list[x509.Certificate]:
    return read_certificates(issue(by, request(), "shop", domains, days, NOW).encode())


def test_root_is_read_with_its_key() -> None:
    found = read()
    assert found.pem.encode() == ROOT.pem
    assert found.root == found.certificate
    assert read(ROOT.pem, ROOT.key_pem("x"), "x").pem == found.pem


def test_authority_below_a_root_is_trusted_by_its_root() -> None:
    """Clients trust a root; what is between it and a certificate, the server presents."""
    found = read(ROOT.pem + ISSUING.pem, ISSUING.key_pem())
    assert found.pem.encode() == ROOT.pem
    [leaf, between] = issued(found)
    assert between == ISSUING.certificate
    leaf.verify_directly_issued_by(between)


OTHER = authority("Other")
EXPIRED = authority("Former", days=(-90, -1))
COMING = authority("Coming", days=(1, 90))
LEAF = make("shop.example.com")
WITHOUT = make("Old CA", ca=None, usage=None)
NO_SIGNATURES = authority("Signs nothing", sign=False)
WEAK = authority("Weak", key=WEAK_RSA)
EXPIRED_ROOT = authority("Expired root", days=(-90, -1))
BELOW_EXPIRED = authority("Below", EXPIRED_ROOT)


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        (
            ROOT.pem,
            OTHER.key_pem(),
            "app_tls.key belongs to another certificate than CN=Root; expected the key of the "
            "authority in app_tls.certificate; correct one of them",
        ),
        (
            EXPIRED.pem,
            EXPIRED.key_pem(),
            "app_tls.certificate has CN=Former, which is valid from 2026-03-03 to 2026-05-31; "
            "expected one that is valid now; give another one",
        ),
        (
            COMING.pem,
            COMING.key_pem(),
            "app_tls.certificate has CN=Coming, which is valid from 2026-06-02 to 2026-08-30; "
            "expected one that is valid now; give another one",
        ),
        *(
            (
                one.pem,
                one.key_pem(),
                f"app_tls.certificate has CN={name}, which is no authority (its basic constraints "
                "or key usage do not allow to sign certificates); expected one that is; give "
                "another one",
            )
            for name, one in {
                "shop.example.com": LEAF,
                "Old CA": WITHOUT,
                "Signs nothing": NO_SIGNATURES,
            }.items()
        ),
        (
            WEAK.pem,
            WEAK.key_pem(),
            "app_tls.certificate has CN=Weak, which has a key of RSA with 1024 bits; expected RSA "
            "of at least 2048 bits, or the curve P-256, P-384 or P-521; give another one",
        ),
        (
            ISSUING.pem,
            ISSUING.key_pem(),
            "app_tls.certificate has CN=Issuing, and not the root that leads to it (CN=Root); "
            "expected both, since clients have to trust a root; add the root's certificate",
        ),
        (
            BELOW_EXPIRED.pem + EXPIRED_ROOT.pem,
            BELOW_EXPIRED.key_pem(),
            "app_tls.certificate has CN=Expired root, which is valid from 2026-03-03 to "
            "2026-05-31; expected one that is valid now; give another one",
        ),
        (
            ROOT.pem,
            ROOT.key_pem("x"),
            "app_tls.key is encrypted, and its password is not given; expected PEM text of the "
            "authority's private key; correct app_tls.key and app_tls.key_password",
        ),
        (
            b"nothing",
            ROOT.key_pem(),
            "app_tls.certificate is not readable; expected PEM text of the authority's "
            "certificate; correct app_tls.certificate",
        ),
    ],
)
def test_what_cannot_be_an_authority_is_refused(
    certificate: bytes, key: bytes, expected: str
) -> None:
    assert refusals(certificate, key) == [expected]


def test_every_reason_is_told_at_once() -> None:
    assert len(refusals(EXPIRED.pem, OTHER.key_pem())) == 2
    assert len(refusals(b"", b"")) == 2


def test_made_authority_is_one() -> None:
    made = make_authority(NOW)
    again = read(made.pem.encode(), write_authority_key(made.key, "secret").encode(), "secret")
    assert (again.pem, again.fingerprint) == (made.pem, made.fingerprint)
    assert write_authority_key(made.key, "") == write_key(made.key)
    assert made.certificate.subject != make_authority(NOW).certificate.subject
    assert len(made.fingerprint) == 32 * 3 - 1
    assert made.share_left(NOW) > 0.99
    assert made.share_left(NOW + timedelta(days=3652 * 0.8)) < 0.25


def test_issued_certificate_is_for_a_server_of_these_names_alone() -> None:
    by = make_authority(NOW)
    [leaf] = issued(by)
    leaf.verify_directly_issued_by(by.certificate)
    extensions = leaf.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        *("shop.example.com", "*.example.com", "xn--bcher-kva.example")
    ]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == [
        *("192.0.2.1", "2001:db8::1")
    ]
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    key_usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (key_usage.digital_signature, key_usage.key_cert_sign) == (True, False)
    assert leaf.subject.rfc4514_string() == "CN=shop"
    assert leaf.not_valid_after_utc == NOW + timedelta(days=30)
    assert leaf.not_valid_before_utc == NOW - timedelta(hours=1)


def test_issued_certificate_does_not_outlive_its_authority() -> None:
    made = authority("Short", days=(-1, 9))
    [leaf] = issued(read(made.pem, made.key_pem()), days=30)
    assert leaf.not_valid_after_utc == made.certificate.not_valid_after_utc


def test_authority_with_an_ed25519_key_issues() -> None:
    made = authority("Ed", key=ed25519.Ed25519PrivateKey.generate(), own_hash=True)
    [leaf] = issued(read(made.pem, made.key_pem()))
    leaf.verify_directly_issued_by(made.certificate)


def test_request_for_a_weak_key_is_refused() -> None:
    weak = request(WEAK_RSA)
    with pytest.raises(ValueError, match="the request is for a key of RSA with 1024 bits; expec"):
        issue(make_authority(NOW), weak, "shop", DOMAINS, 30, NOW)


def test_request_that_was_changed_is_refused() -> None:
    """Whoever sends it must have the key that it is for."""
    signed = x509.load_pem_x509_csr(request().encode()).public_bytes(Encoding.DER)
    changed = signed.replace(b"evil.example.com", b"good.example.com")
    text = x509.load_der_x509_csr(changed).public_bytes(Encoding.PEM).decode()
    with pytest.raises(ValueError, match="was not signed with its own key"):
        issue(make_authority(NOW), text, "shop", DOMAINS, 30, NOW)


def test_unreadable_request_is_refused() -> None:
    with pytest.raises(ValueError, match="PEM"):
        issue(make_authority(NOW), "no request", "shop", DOMAINS, 30, NOW)
