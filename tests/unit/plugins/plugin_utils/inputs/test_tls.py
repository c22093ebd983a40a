"""The modes of `app_tls`, and certificates that cannot serve."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import examine
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.tls import MODES as MODES_AND_KEYS

from tests.unit.plugins.plugin_utils.inputs.certificates import NOW, authority, make

#: Certificates for tests count from a moment of their own.
SINCE = (datetime.now(timezone.utc) - NOW).days
VALID = (SINCE - 1, SINCE + 30)
ROOT = Path(__file__).resolve().parents[5]

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
GOOD: dict[str, Any] = {"app_name": "shop", "app_source": GIT, "app_domain": "www.example.com"}
SET = "set it in group_vars/app.yml"
VAULT = "set it in a file that ansible-vault encrypts"
PEM = "PEM text, or the absolute path of a PEM file on the controller"
MODES = "selfsigned, provided, internal_ca or acme"


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
    found = examine(GOOD | {"app_tls": tls} | changes, now=now).problems
    assert found, f"accepted: {tls}"
    return [problem.message for problem in found]


def accepted(tls: object, **changes: object) -> dict[str, str]:
    found = examine(GOOD | {"app_tls": tls} | changes)
    assert found.problems == []
    public: dict[str, str] = found.deployment["app_tls"]
    return public


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("letsencrypt", f".mode is letsencrypt; expected {MODES}; {SET}"),
        ({"email": "a@b.example"}, f".mode is not set; expected {MODES}; {SET}"),
        ([], f" is a list; expected a mapping with mode {MODES}; {SET}"),
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


def test_tls_provided_keeps_paths(pair: tuple[str, str]) -> None:
    certificate, key = pair
    given = {"mode": "provided", "certificate": certificate, "key": key}
    assert accepted(given) == given


def test_tls_provided_leaves_the_text_of_a_key_out(pair: tuple[str, str]) -> None:
    certificate, key = (Path(path).read_text() for path in pair)
    fact = accepted({"mode": "provided", "certificate": certificate, "key": key})
    assert fact == {"mode": "provided", "certificate": certificate}


def test_tls_provided_names_a_file_that_is_missing(pair: tuple[str, str]) -> None:
    given = {"mode": "provided", "certificate": "/nowhere/c.pem", "key": pair[1]}
    assert lines(given) == [
        "app_tls.certificate is /nowhere/c.pem (No such file or directory); "
        f"expected a file that can be read on the controller; {SET}"
    ]


def test_tls_provided_refuses_the_key_of_another(
    pair: tuple[str, str], other_pair: tuple[str, str]
) -> None:
    given = {"mode": "provided", "certificate": pair[0], "key": other_pair[1]}
    [line] = lines(given)
    assert line.startswith("app_tls: the provided key belongs to another certificate; expected ")


def test_tls_provided_refuses_an_expired_certificate(pair: tuple[str, str]) -> None:
    given = {"mode": "provided", "certificate": pair[0], "key": pair[1]}
    later = datetime.now(timezone.utc) + timedelta(days=31)
    [line] = lines(given, now=later)
    assert line.startswith("app_tls: the provided certificate expired on ")


def test_tls_provided_refuses_a_certificate_of_other_names(pair: tuple[str, str]) -> None:
    given = {"mode": "provided", "certificate": pair[0], "key": pair[1]}
    [line] = lines(given, app_domain="shop.example")
    assert line.startswith("app_tls: the provided certificate is for www.example.com; expected ")
    assert "shop.example" in line


def test_tls_modes_are_those_of_the_role() -> None:
    specification = ROOT / "roles" / "tls_certificate" / "meta" / "argument_specs.yml"
    options = yaml.safe_load(specification.read_text())["argument_specs"]["main"]["options"]
    assert list(MODES_AND_KEYS) == options["tls_certificate_mode"]["choices"]


WITH_CA = {"mode": "internal_ca"}


def test_tls_provided_takes_a_password_and_a_chain() -> None:
    root = authority("Root", days=VALID)
    leaf = make("www.example.com", root, days=VALID)
    given = {
        "mode": "provided",
        "certificate": leaf.pem.decode(),
        "chain": root.pem.decode(),
        "key": leaf.key_pem("secret").decode(),
        "key_password": "secret",
    }
    fact = accepted(given)
    assert fact == {name: given[name] for name in ("mode", "certificate", "chain")}
    assert lines(given | {"key_password": "other"}) == [
        "app_tls: the provided key cannot be decrypted with the given password; expected PEM text "
        "of a private key for RSA, ECDSA or Ed25519, and key_password for one that is encrypted; "
        "correct the provided certificate and key"
    ]
    assert lines(given | {"key_password": 1234}) == [
        "app_tls.key_password is a number; expected the text by which the private key is "
        f"encrypted; {VAULT}"
    ]


def test_tls_provided_takes_text_before_the_certificate(pair: tuple[str, str]) -> None:
    certificate, key = ("Bag Attributes\n" + Path(path).read_text() for path in pair)
    accepted({"mode": "provided", "certificate": certificate, "key": key})


def test_tls_does_not_show_a_key_that_is_taken_for_a_certificate(pair: tuple[str, str]) -> None:
    certificate, key = (Path(path).read_text() for path in pair)
    assert lines({"mode": "provided", "certificate": key + certificate, "key": key}) == [
        "app_tls.certificate is a text with a private key; expected certificates alone; remove the "
        "key"
    ]


@pytest.mark.parametrize(
    ("changed", "rest"),
    [
        (
            {"certificate": "/pki/ca.pem"},
            ".key is not set; expected it as well, since app_tls.certificate is set; set it, or "
            "remove app_tls.certificate to have an authority made",
        ),
        (
            {"key": "/pki/ca.key"},
            ".certificate is not set; expected it as well, since app_tls.key is set; set it, or "
            "remove app_tls.key to have an authority made",
        ),
        (
            {"certificate": "/pki/ca.pem", "key": "/pki/ca.key", "folder": "pki"},
            ".folder is pki; expected nothing, since the authority is given by "
            "app_tls.certificate; remove one of them",
        ),
        (
            {"folder": ""},
            f".folder is empty; expected the path of a folder on the controller; {SET}",
        ),
        ({"folder": 7}, f".folder is 7; expected the path of a folder on the controller; {SET}"),
        *(
            (
                {"days": days, "folder": "/none"},
                f".days is {days}; expected a number of days from 1 to 825; {SET}",
            )
            for days in (0, 826, "soon", 1.5)
        ),
        (
            {"key_password": "", "folder": "/none"},
            ".key_password is empty; expected the text by which the private key is encrypted; "
            + VAULT,
        ),
        (
            {"folder": "pki"},
            ".folder is pki, and the inventory has no folder; expected an absolute path; " + SET,
        ),
        (
            {"lifetime": 3, "folder": "/none"},
            ".lifetime is not a key of the mode internal_ca; expected mode, folder, certificate, "
            "key, key_password, days; remove it",
        ),
    ],
)
def test_tls_internal_ca_refuses(changed: dict[str, object], rest: str) -> None:
    assert lines(WITH_CA | changed) == [f"app_tls{rest}"]


def test_tls_internal_ca_looks_into_its_folder(tmp_path: Path) -> None:
    """Relative to that of the inventory; one that is not there yet will be made."""
    found = examine(GOOD | {"app_tls": WITH_CA}, base=tmp_path)
    assert found.problems == []
    (tmp_path / "authority").mkdir()
    (tmp_path / "authority" / "ca.pem").write_text("")
    [problem] = examine(GOOD | {"app_tls": WITH_CA}, base=tmp_path).problems
    assert problem.message.startswith(f"app_tls: {tmp_path}/authority has ca.pem without ca.key; ")


def test_tls_internal_ca_refuses_an_authority_that_is_none() -> None:
    leaf = make("www.example.com", days=VALID)
    given = WITH_CA | {"certificate": leaf.pem.decode(), "key": leaf.key_pem().decode()}
    [line] = lines(given)
    assert line.startswith(
        "app_tls: app_tls.certificate has CN=www.example.com, which is no authority"
    )


def test_tls_internal_ca_leaves_its_secrets_out() -> None:
    made = authority("Root", days=VALID)
    given = {
        "certificate": made.pem.decode(),
        "key": made.key_pem("secret").decode(),
        "key_password": "secret",
        "days": "7",
    }
    fact = accepted(WITH_CA | given)
    assert fact == {"mode": "internal_ca", "certificate": given["certificate"], "days": 7}
