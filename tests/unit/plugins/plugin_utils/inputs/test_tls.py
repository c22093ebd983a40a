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
