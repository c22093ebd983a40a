"""What a certificate file says, by the host's own openssl."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.certificates import (
    Certificate,
    read_certificate,
    read_public_key,
    refusal,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMES = [
    x509.DNSName("shop.example.com"),
    x509.DNSName("*.example.com"),
    x509.IPAddress(ip_address("192.0.2.7")),
]


@pytest.fixture(params=["January", "May", "October", "December"])
def certificate(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, datetime]:
    """A certificate, and when it expires: the 5th of a month, at noon."""
    end = datetime.strptime(f"5 {request.param} 2031 12", "%d %B %Y %H").replace(
        tzinfo=timezone.utc
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(NAMES), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "fullchain.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    Path(f"{path}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return str(path), end


def read(path: str) -> Certificate:
    found = read_certificate(path)
    assert found
    return found


def test_certificate_names_are_all_told(certificate: tuple[str, datetime]) -> None:
    assert read(certificate[0]).names == ("shop.example.com", "*.example.com", "192.0.2.7")


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=90), 90),
        (timedelta(days=1, seconds=-1), 0),
        (timedelta(0), 0),
        (timedelta(seconds=-1), -1),
        (timedelta(days=-3), -3),
    ],
)
def test_certificate_days_are_whole_ones(
    certificate: tuple[str, datetime], left: timedelta, days: int
) -> None:
    path, end = certificate
    assert read(path).days_left((end - left).timestamp()) == days


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_what_is_no_certificate_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "fullchain.pem"
    if text is not None:
        path.write_text(text)
    assert read_certificate(str(path)) is None


def test_a_key_belongs_to_its_certificate(certificate: tuple[str, datetime]) -> None:
    path, end = certificate
    found = read(path)
    assert found.public_key
    assert found.public_key == read_public_key(f"{path}.key")
    assert (found.subject, found.issuer) == ("CN=shop.example.com", "CN=shop.example.com")
    assert found.begins == (end - timedelta(days=90)).timestamp()


def test_a_key_that_cannot_be_read_has_no_public_half(tmp_path: Path) -> None:
    path = tmp_path / "privkey.pem"
    path.write_text("no key")
    assert read_public_key(str(path)) == ""


def test_a_key_with_a_passphrase_asks_nobody(certificate: tuple[str, datetime]) -> None:
    key = f"{certificate[0]}.key"
    options = ["-aes256", "-passout", "pass:secret", "-out", f"{key}.locked"]
    subprocess.run(["openssl", "pkey", "-in", key, *options], check=True)
    assert read_public_key(f"{key}.locked") == ""


def test_a_host_without_openssl_has_no_certificate(
    certificate: tuple[str, datetime], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_certificate(certificate[0]) is None


@pytest.mark.parametrize(
    ("domain", "now", "told"),
    [
        ("shop.example.com", 150, ""),
        ("SHOP.example.com", 150, ""),
        ("www.example.org", 150, ""),
        ("a.www.example.org", 150, "it is for shop.example.com, *.example.org, not for a.www."),
        ("shop.example.com", 50, "it is not valid yet"),
        ("shop.example.com", 200 + 86400 // 2, "it expired 1 day ago"),
        ("shop.example.com", 200 + 5 * 86400, "it expired 5 days ago"),
        ("other.example.com", 150, "it is for shop.example.com, *.example.org, not for other."),
    ],
)
def test_visitor_refuses_a_certificate_by_its_dates_and_names(
    domain: str, now: float, told: str
) -> None:
    made = Certificate(begins=100, ends=200, names=("shop.example.com", "*.example.org"))
    found = refusal(made, domain, now)
    assert found.startswith(told)
    assert bool(found) == bool(told)
