"""What people have is read as every reader of PEM reads it, and leaves in one form."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import (
    check_pair,
    prepare,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import (
    NoKeyError,
    read_key,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.plugins.plugin_utils.inputs.certificates import NOW, WEAK_RSA, Made, authority, make

DOMAINS = ["shop.example.com"]
RSA = rsa.generate_private_key(65537, 2048)
ROOT = authority("Root")
INTERMEDIATE = authority("Intermediate", ROOT)
LEAF = make(issuer=INTERMEDIATE)
CHAIN = LEAF.pem + INTERMEDIATE.pem + ROOT.pem
CANONICAL = prepare(CHAIN, LEAF.key_pem(), DOMAINS, NOW)
SECRET = "of the key"


def dos(pem: bytes) -> bytes:
    return pem.replace(b"\n", b"\r\n")


def trailing_spaces(pem: bytes) -> bytes:
    return pem.replace(b"\n", b"  \n")


def indented(pem: bytes) -> bytes:
    return b"".join(b"    " + line + b"\n" for line in pem.splitlines())


def on_one_line(pem: bytes) -> bytes:
    blocks = pem.replace(b"-----\n", b"-----\0").replace(b"\n-----END", b"\0-----END")
    return blocks.replace(b"\n", b"").replace(b"\0", b"\n")


def with_attributes(pem: bytes) -> bytes:
    told = "Bag Attributes\n    friendlyName: Caf\xe9\n    localKeyID: 01 02\nsubject=CN = x\n"
    return told.encode("latin-1") + pem


def with_mark(pem: bytes) -> bytes:
    return b"\xef\xbb\xbf" + pem


def without_end(pem: bytes) -> bytes:
    return pem.rstrip(b"\n")


FORMS = [dos, trailing_spaces, indented, on_one_line, with_attributes, with_mark, without_end]


@pytest.mark.parametrize("form", FORMS)
def test_whatever_a_reader_accepts_is_the_same_pair(form: Callable[[bytes], bytes]) -> None:
    assert CANONICAL.refusals == []
    assert prepare(form(CHAIN), form(LEAF.key_pem()), DOMAINS, NOW) == CANONICAL


def test_key_in_the_certificate_s_file_is_found() -> None:
    combined = LEAF.key_pem() + CHAIN
    assert prepare(combined, combined, DOMAINS, NOW) == CANONICAL


@pytest.mark.parametrize(
    "given",
    [
        ROOT.pem + LEAF.pem + INTERMEDIATE.pem,
        INTERMEDIATE.pem + ROOT.pem + LEAF.pem,
        LEAF.pem + LEAF.pem + INTERMEDIATE.pem + INTERMEDIATE.pem + ROOT.pem,
    ],
)
def test_chain_is_put_in_order(given: bytes) -> None:
    assert prepare(given, LEAF.key_pem(), DOMAINS, NOW) == CANONICAL


def test_chain_may_be_given_by_itself() -> None:
    chain = ROOT.pem + INTERMEDIATE.pem
    assert prepare(LEAF.pem, LEAF.key_pem(), DOMAINS, NOW, chain_pem=chain) == CANONICAL
    refused = prepare(LEAF.pem, LEAF.key_pem(), DOMAINS, NOW)
    assert (refused.certificate, refused.key) == ("", "")
    assert refused.refusals[0].startswith("the provided certificate is not complete: ")
    assert "give the intermediates as chain" in refused.refusals[0]


def test_certificate_that_leads_elsewhere_stays_behind_the_chain() -> None:
    other = authority("Other")
    pair = prepare(other.pem + CHAIN, LEAF.key_pem(), DOMAINS, NOW)
    assert pair.certificate == CANONICAL.certificate + other.pem.decode()


@pytest.mark.parametrize(
    ("made", "form"),
    [
        (make(), "PKCS8"),
        (make(), "TraditionalOpenSSL"),
        (make(key=RSA), "PKCS8"),
        (make(key=RSA), "TraditionalOpenSSL"),
        (make(key=ed25519.Ed25519PrivateKey.generate(), own_hash=True), "PKCS8"),
        (make(key=ec.generate_private_key(ec.SECP384R1())), "PKCS8"),
    ],
)
@pytest.mark.parametrize("password", ["", SECRET])
def test_key_of_every_kind_and_form_is_read(made: Made, form: str, password: str) -> None:
    pair = prepare(made.pem, made.key_pem(password, form), DOMAINS, NOW, password=password)
    assert pair.refusals == []
    assert pair.key.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert prepare(
        made.pem, dos(made.key_pem(password, form)), DOMAINS, NOW, password=password
    ) == (pair)


def test_key_after_its_parameters_is_read() -> None:
    """OpenSSL writes `EC PARAMETERS` before the key."""
    told = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey"], check=True, capture_output=True
    ).stdout
    assert b"BEGIN EC PARAMETERS" in told
    assert isinstance(read_key(told), ec.EllipticCurvePrivateKey)


@pytest.mark.parametrize(
    ("key", "password", "seen"),
    [
        (LEAF.key_pem(SECRET), "", "is encrypted, and its password is not given"),
        (
            LEAF.key_pem(SECRET, "TraditionalOpenSSL"),
            "",
            "is encrypted, and its password is not given",
        ),
        (LEAF.key_pem(SECRET), "other", "cannot be decrypted with the given password"),
        (LEAF.key_pem(), SECRET, "is not encrypted, and a password is given"),
        (b"", "", "is not readable"),
        (LEAF.pem, "", "is not readable"),
        (
            Made(LEAF.certificate, dsa.generate_private_key(2048)).key_pem(),
            "",
            "is of a kind that no server can use",
        ),
    ],
)
def test_key_that_cannot_be_used_is_refused(key: bytes, password: str, seen: str) -> None:
    with pytest.raises(NoKeyError, match=f"^{seen}$"):
        read_key(key, password)
    [refusal] = check_pair(CHAIN, key, DOMAINS, NOW, password=password)
    assert refusal == (
        f"the provided key {seen}; expected PEM text of a private key for RSA, ECDSA or Ed25519, "
        "and key_password for one that is encrypted; correct the provided certificate and key"
    )


@pytest.mark.parametrize(
    ("made", "seen"),
    [
        (
            make(key=WEAK_RSA),
            "has a key of RSA with 1024 bits; expected RSA of at least 2048 bits, or the curve",
        ),
        (
            make(key=ec.generate_private_key(ec.SECP192R1())),
            "has a key of the curve secp192r1; expected RSA of at least 2048 bits, or the curve",
        ),
        (
            make(usage=ExtendedKeyUsageOID.CLIENT_AUTH),
            "is not for a server (its extended key usage lacks serverAuth); expected one that is",
        ),
    ],
)
def test_certificate_that_clients_refuse_is_refused(made: Made, seen: str) -> None:
    [refusal] = check_pair(made.pem, made.key_pem(), DOMAINS, NOW)
    assert refusal.startswith(f"the provided certificate {seen}")


def test_certificate_with_a_broken_signature_is_refused(tmp_path: Path) -> None:
    files = (tmp_path / "key.pem", tmp_path / "certificate.pem")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 90 -sha1 -subj /CN=shop "
        f"-addext subjectAltName=DNS:shop.example.com -keyout {files[0]} -out {files[1]}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    key, certificate = (file.read_bytes() for file in files)
    [refusal] = check_pair(certificate, key, DOMAINS, datetime.now(timezone.utc))
    assert refusal == (
        "the provided certificate is signed with SHA-1, which clients refuse; expected SHA-256 or "
        "better; have a new one issued"
    )


def test_weak_intermediate_is_named() -> None:
    weak = authority("Old CA", ROOT, key=WEAK_RSA)
    leaf = make(issuer=weak)
    [refusal] = check_pair(leaf.pem + weak.pem + ROOT.pem, leaf.key_pem(), DOMAINS, NOW)
    assert refusal.startswith("CN=Old CA, in its chain, has a key of RSA with 1024 bits;")


def test_what_is_not_pem_is_told_apart() -> None:
    der = LEAF.certificate.public_bytes(Encoding.DER)
    [refusal] = check_pair(der, LEAF.key_pem(), DOMAINS, NOW)
    assert "it looks like DER or PKCS #12: convert it, by openssl x509" in refusal
    broken = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
    for body in (b"!!!!", base64.b64encode(b"no certificate")):
        [refusal] = check_pair(broken % body, LEAF.key_pem(), DOMAINS, NOW)
        assert refusal.startswith("the provided certificate is not readable; expected PEM text")
    [refusal] = check_pair(LEAF.pem, LEAF.key_pem(), DOMAINS, NOW, chain_pem=b"none")
    assert refusal.startswith("the provided chain is not readable; expected PEM text")


def test_hash_of_the_default_is_not_broken() -> None:
    made = make(digest=hashes.SHA384())
    assert check_pair(made.pem, made.key_pem(), DOMAINS, NOW) == []
