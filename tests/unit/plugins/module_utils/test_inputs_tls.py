"""The modes of `app_tls`, and certificates that cannot serve."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.inputs import check

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
GOOD: dict[str, Any] = {"app_name": "shop", "app_source": GIT, "app_domain": "www.example.com"}
SET = "set it in group_vars/app.yml"
VAULT = "set it in a file that ansible-vault encrypts"
PEM = "PEM text, or the absolute path of a PEM file on the controller"
MODES = "selfsigned, acme, internal_ca or provided"
DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory"


def make_pair(folder: Path) -> tuple[str, str]:
    """Make a key and a certificate of www.example.com for 30 days, and return their paths."""
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
        f"-subj /CN=www.example.com -addext subjectAltName=DNS:www.example.com "
        f"-out {certificate} -keyout {key}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return str(certificate), str(key)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="session")
def other_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_pair(tmp_path_factory.mktemp("other"))


def lines(tls: object, now: datetime | None = None, **changes: object) -> list[str]:
    found = check(GOOD | {"app_tls": tls} | changes, now=now)
    assert isinstance(found, list), f"accepted: {tls}"
    return [problem.message for problem in found]


def accepted(tls: object, **changes: object) -> dict[str, str]:
    found = check(GOOD | {"app_tls": tls} | changes)
    assert not isinstance(found, list), found
    return found["app_tls"]


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("letsencrypt", f".mode is letsencrypt; expected {MODES}; {SET}"),
        ({"email": "a@b.example"}, f".mode is not set; expected {MODES}; {SET}"),
        ([], f" is a list; expected a mapping with mode {MODES}; {SET}"),
        (
            "acme",
            ".email is not set; expected the address that the certificate authority writes to; "
            + SET,
        ),
        (
            {"mode": "acme", "email": "a@b.example", "directory_url": "http://a"},
            f".directory_url is http://a; expected the URL of an ACME directory; {SET}",
        ),
        (
            {"mode": "selfsigned", "email": "a@b.example"},
            ".email is not a key of the mode selfsigned; expected mode; remove it",
        ),
        (
            {"mode": "provided", "certificate": "/nowhere/c.pem", "key": "keys/k.pem"},
            f".key is a text; expected {PEM}; {VAULT}",
        ),
    ],
)
def test_tls_refuses(value: object, rest: str) -> None:
    assert lines(value) == [f"app_tls{rest}"]


def test_tls_provided_asks_for_both_keys() -> None:
    assert lines("provided") == [
        f"app_tls.certificate is not set; expected {PEM}, with its chain; {SET}",
        f"app_tls.key is not set; expected {PEM}; {VAULT}",
    ]


def test_tls_internal_ca_asks_for_the_authority() -> None:
    assert lines({"mode": "internal_ca"}) == [
        f"app_tls.ca_certificate is not set; expected {PEM}; {SET}",
        f"app_tls.ca_key is not set; expected {PEM}; {VAULT}",
    ]


def test_tls_acme_knows_its_directory() -> None:
    assert accepted({"mode": "acme", "email": "ops@example.com"}) == {
        "mode": "acme",
        "email": "ops@example.com",
        "directory_url": DIRECTORY,
    }


def test_tls_acme_is_refused_for_a_wildcard() -> None:
    acme = {"mode": "acme", "email": "ops@example.com"}
    assert lines(acme, app_domain="*.example.com") == [
        "app_tls.mode is acme for *.example.com; expected another mode for a wildcard, which the "
        "HTTP-01 challenge cannot prove; name the hosts one by one in app_domain, "
        "or provide a certificate"
    ]


def test_tls_provided_accepts_paths_and_hides_the_key(pair: tuple[str, str]) -> None:
    certificate, key = pair
    given = {"mode": "provided", "certificate": certificate, "key": key}
    assert accepted(given) == {"mode": "provided", "certificate": certificate}


def test_tls_provided_accepts_pem_text(pair: tuple[str, str]) -> None:
    certificate, key = (Path(path).read_text() for path in pair)
    fact = accepted({"mode": "provided", "certificate": certificate, "key": key})
    assert fact == {"mode": "provided", "certificate": certificate}


def test_tls_provided_names_a_file_that_is_missing(pair: tuple[str, str]) -> None:
    given = {"mode": "provided", "certificate": "/nowhere/c.pem", "key": pair[1]}
    assert lines(given) == [
        "app_tls.certificate is /nowhere/c.pem (No such file or directory); "
        f"expected a file that can be read on the controller; {SET}"
    ]


def refused_pair(rest: list[str]) -> str:
    [line] = rest
    assert line.startswith("app_tls.certificate is not usable: ")
    assert line.endswith(
        "; expected a certificate in date that covers app_domain, and its own key; "
        "set app_tls.certificate and app_tls.key to such a pair"
    )
    return line


def test_tls_provided_refuses_the_key_of_another(
    pair: tuple[str, str], other_pair: tuple[str, str]
) -> None:
    given = {"mode": "provided", "certificate": pair[0], "key": other_pair[1]}
    assert "key" in refused_pair(lines(given))


def test_tls_provided_refuses_an_expired_certificate(pair: tuple[str, str]) -> None:
    given = {"mode": "provided", "certificate": pair[0], "key": pair[1]}
    later = datetime.now(timezone.utc) + timedelta(days=31)
    assert "expired" in refused_pair(lines(given, now=later))


def test_tls_provided_refuses_a_certificate_of_other_names(pair: tuple[str, str]) -> None:
    given = {"mode": "provided", "certificate": pair[0], "key": pair[1]}
    assert "shop.example" in refused_pair(lines(given, app_domain="shop.example"))
