"""Pairs that cannot serve a site are refused with a reason, and never with a part of the key."""

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import certificate_pair
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import check_pair
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)
KEY = ec.generate_private_key(ec.SECP256R1())
DOMAINS = ["shop.example.com"]


def key_pem(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate_pem(names: list[str], days: tuple[int, int] = (-1, 90)) -> bytes:
    """Make a certificate for KEY, valid from and until some days from NOW."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "common.example.com")])
    start, end = (NOW + timedelta(days=day) for day in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False
        )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.mark.parametrize(
    ("names", "domains"),
    [
        (["shop.example.com"], ["shop.example.com"]),
        (["Shop.Example.com"], ["shop.example.COM"]),
        (["shop.example.com", "www.shop.example.com"], ["www.shop.example.com"]),
        (["*.example.com"], ["shop.example.com", "api.example.com"]),
        (["192.0.2.1", "2001:db8::1"], ["192.0.2.1", "2001:db8:0::1"]),
    ],
)
def test_a_pair_that_covers_its_domains_is_fine(names: list[str], domains: list[str]) -> None:
    assert check_pair(certificate_pem(names), key_pem(), domains, NOW) == []


@pytest.mark.parametrize(
    ("names", "domains", "seen"),
    [
        (
            ["shop.example.com"],
            ["api.example.com"],
            "for shop.example.com; expected it to cover api.",
        ),
        (["*.example.com"], ["example.com"], "expected it to cover example.com"),
        (["*.example.com"], ["a.b.example.com"], "expected it to cover a.b.example.com"),
        (["shop.example.com"], ["192.0.2.1"], "expected it to cover 192.0.2.1"),
        ([], ["common.example.com"], "for no name at all (no subjectAltName)"),
    ],
)
def test_a_domain_that_is_not_covered_is_refused(
    names: list[str], domains: list[str], seen: str
) -> None:
    (refusal,) = check_pair(certificate_pem(names), key_pem(), domains, NOW)

    assert seen in refusal
    assert refusal.endswith("provide one with all names, or correct the domains")


@pytest.mark.parametrize(
    ("days", "seen"),
    [
        ((-90, -1), "expired on 2026-05-31 12:00 UTC; expected one that is valid now"),
        ((1, 90), "is valid from 2026-06-02 12:00 UTC; expected one that is valid now"),
    ],
)
def test_a_certificate_that_is_not_valid_now_is_refused(days: tuple[int, int], seen: str) -> None:
    (refusal,) = check_pair(certificate_pem(DOMAINS, days), key_pem(), DOMAINS, NOW)

    assert seen in refusal


def test_the_moment_may_be_told_in_any_time_zone() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))

    assert check_pair(certificate_pem(DOMAINS), key_pem(), DOMAINS, elsewhere) == []


def test_the_key_of_another_certificate_is_refused() -> None:
    other = key_pem(ec.generate_private_key(ec.SECP256R1()))

    assert check_pair(certificate_pem(DOMAINS), other, DOMAINS, NOW) == [
        "the provided key belongs to another certificate; expected the key that the certificate of "
        "shop.example.com was made for; correct the provided certificate and key"
    ]


@pytest.mark.parametrize(
    "key", [b"", b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"]
)
def test_an_unreadable_key_is_refused_without_being_quoted(key: bytes) -> None:
    (refusal,) = check_pair(certificate_pem(DOMAINS), key, DOMAINS, NOW)

    assert refusal.startswith("the provided key is not readable; expected PEM text")
    assert "c2VjcmV0" not in refusal


@pytest.mark.parametrize("certificate", [b"", b"not PEM", key_pem()])
def test_an_unreadable_certificate_is_refused(certificate: bytes) -> None:
    (refusal,) = check_pair(certificate, key_pem(), DOMAINS, NOW)

    assert refusal.startswith("the provided certificate is not readable; expected PEM text")


def test_the_first_of_a_chain_is_the_one_that_counts() -> None:
    chain = certificate_pem(DOMAINS) + certificate_pem(["ca.example.com"], (-90, -1))

    assert check_pair(chain, key_pem(), DOMAINS, NOW) == []


def test_every_reason_is_told_at_once() -> None:
    other = key_pem(ec.generate_private_key(ec.SECP256R1()))

    refusals = check_pair(certificate_pem(["a.example.com"], (-9, -1)), other, DOMAINS, NOW)

    assert len(refusals) == 3


def test_pair_cannot_be_checked_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_pair, "MISSING", ImportError("No module named 'x509'"))
    (refusal,) = check_pair(b"", b"", DOMAINS, NOW)
    assert refusal.startswith(
        "cryptography cannot be imported on the controller (No module named 'x509'); expected it "
    )
    assert refusal.endswith("-m pip install cryptography")
