"""A certificate without what leads to a root is refused: most clients would refuse it too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_chain import (
    check_chain,
    trusted_roots,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import check_pair
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Made:
    """A certificate, and the key that it was made for."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def made(name: str, issuer: Made | None = None, days: tuple[int, int] = (-1, 90)) -> Made:
    key = ec.generate_private_key(ec.SECP256R1())
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
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return Made(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


ROOT = made("Root X")
INTERMEDIATE = made("Intermediate Y", ROOT)
SECOND = made("Intermediate Z", INTERMEDIATE)
LEAF = made("shop.example.com", INTERMEDIATE)
DEEP = made("shop.example.com", SECOND)
DIRECT = made("shop.example.com", ROOT)
SELF = made("shop.example.com")
#: The name of an intermediate, but not its key.
NAMESAKE = made("Intermediate Y", ROOT)


@pytest.mark.parametrize(
    ("given", "roots"),
    [
        ([SELF], []),
        ([LEAF, INTERMEDIATE], [ROOT]),
        ([LEAF, INTERMEDIATE, ROOT], []),
        ([DEEP, SECOND, INTERMEDIATE], [ROOT]),
        # In any order, and with what does not belong there.
        ([DEEP, INTERMEDIATE, ROOT, SECOND], []),
        ([LEAF, SECOND, NAMESAKE, INTERMEDIATE], [ROOT]),
        ([DIRECT], [ROOT]),
        ([DIRECT, ROOT], []),
        # An authority of a company may be trusted without its root.
        ([DEEP, SECOND], [INTERMEDIATE]),
    ],
)
def test_chain_that_leads_to_a_root_is_fine(given: list[Made], roots: list[Made]) -> None:
    chain = [one.certificate for one in given]
    assert check_chain(chain, [one.certificate for one in roots], NOW) == []


@pytest.mark.parametrize(
    ("given", "roots", "told"),
    [
        ([LEAF], [ROOT], "it was issued by CN=Intermediate Y"),
        (
            [DEEP, SECOND],
            [ROOT],
            "CN=Intermediate Z, which issued it, was issued by CN=Intermediate Y",
        ),
        ([DEEP, INTERMEDIATE], [ROOT], "it was issued by CN=Intermediate Z"),
        ([LEAF, NAMESAKE], [ROOT], "it was issued by CN=Intermediate Y"),
        ([DIRECT], [], "it was issued by CN=Root X"),
    ],
)
def test_chain_with_a_gap_is_refused_by_what_is_missing(
    given: list[Made], roots: list[Made], told: str
) -> None:
    chain = [one.certificate for one in given]
    (refusal,) = check_chain(chain, [one.certificate for one in roots], NOW)
    assert told in refusal
    assert refusal.endswith("or, if that is a root of your own, add it at the end")


def test_intermediate_that_has_expired_is_refused_by_name() -> None:
    old = made("Old", ROOT, days=(-90, -1))
    leaf = made("shop.example.com", old)
    (refusal,) = check_chain([leaf.certificate, old.certificate], [ROOT.certificate], NOW)
    assert refusal.startswith(
        "the intermediate certificate CN=Old is valid from 2026-03-03 to 2026-05-31"
    )


def test_pair_is_checked_with_its_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = LEAF.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(ROOT.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    (refusal,) = check_pair(LEAF.pem, key, ["shop.example.com"], NOW)
    assert "is not complete" in refusal
    assert check_pair(LEAF.pem + INTERMEDIATE.pem, key, ["shop.example.com"], NOW) == []


def test_roots_are_those_of_the_controller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    assert len(trusted_roots()) > 10
