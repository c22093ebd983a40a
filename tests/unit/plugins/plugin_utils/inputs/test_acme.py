"""The keys of `app_tls` with the mode acme: each is refused with what to do where it is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.acme import (
    CONTACT,
    EAB,
    PROFILE,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import examine

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
GOOD: dict[str, Any] = {"app_name": "shop", "app_source": GIT, "app_domain": "www.example.com"}
SET = "set it in group_vars/app.yml"
VAULT = "set it in a file that ansible-vault encrypts"
HOOK = {"challenge": "dns-01", "hook": "/usr/local/bin/dns-hook --zone example.com"}
KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"


def lines(domain: object = "www.example.com", **keys: object) -> list[str]:
    tls = {"mode": "acme", **keys}
    return [one.message for one in examine(GOOD | {"app_tls": tls, "app_domain": domain}).problems]


@pytest.mark.parametrize(
    ("domain", "keys"),
    [
        ("www.example.com", {}),
        ("www.example.com", {"contact": "ops@example.com", "profile": "tlsserver"}),
        ("www.example.com", {"directory": "https://[2001:db8::1]:14000/dir"}),
        (["example.com", "*.example.com"], HOOK | {"hook_environment": {"TOKEN": "x"}}),
        ("www.example.com", {"eab": {"kid": "kid-1", "hmac_key": KEY}}),
        ("192.0.2.1", {"profile": "shortlived"}),
        ("2001:db8::1", {"directory": "https://ca.example/dir"}),
    ],
)
def test_acme_is_accepted(domain: object, keys: dict[str, object]) -> None:
    assert lines(domain, **keys) == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"directory": "http://ca.example/dir"},
            ".directory is http://ca.example/dir; expected an https:// URL of an ACME directory; "
            f"{SET}",
        ),
        ({"contact": "ops"}, f".contact is ops; expected {CONTACT}; {SET}"),
        ({"contact": "a@b.c, d@e.f"}, f".contact is a@b.c, d@e.f; expected {CONTACT}; {SET}"),
        (
            {"challenge": "tls-alpn-01"},
            ".challenge is tls-alpn-01; expected http-01, dns-01 or dns-persist-01; " + SET,
        ),
        ({"profile": "two words"}, f".profile is two words; expected {PROFILE}; {SET}"),
        (
            {"challenge": "dns-01"},
            ".hook is not set; expected a command that writes the TXT records, since challenge is "
            "dns-01; set it in group_vars/app.yml, or use http-01",
        ),
        (
            {"hook": "/usr/local/bin/dns-hook"},
            ".hook is set; expected it with challenge: dns-01 only, since no other challenge "
            "calls it; remove it, or set challenge: dns-01",
        ),
        (
            HOOK | {"hook": "dns-hook"},
            ".hook is dns-hook; expected a command by its absolute path on the host, with its "
            f"arguments; {SET}",
        ),
        (
            HOOK | {"hook": "/bin/hook 'a"},
            ".hook is /bin/hook 'a (No closing quotation); expected a command by its absolute path "
            "on the host, with its arguments; close the quotation",
        ),
        (
            HOOK | {"hook_environment": {"TOKEN": 7}},
            f".hook_environment.TOKEN is a number; expected a text on one line, in quotes; {VAULT}",
        ),
        (
            HOOK | {"hook_environment": "TOKEN=x"},
            f".hook_environment is a text; expected a mapping of names to texts; {VAULT}",
        ),
        ({"eab": {"kid": "x"}}, f".eab is kid; expected {EAB}; {VAULT}"),
        (
            {"eab": {"kid": "x", "hmac_key": "no secret!"}},
            ".eab.hmac_key is not base64url; expected the HMAC key that the CA gave, in base64url, "
            f"at least 16 bytes; {VAULT}",
        ),
        (
            {"email": "a@b.example"},
            ".email is not a key of the mode acme; expected mode, directory, contact, challenge, "
            "hook, hook_environment, profile, eab, ca_bundle; remove it",
        ),
        (
            {"ca_bundle": "/nowhere/ca.pem"},
            ".ca_bundle is /nowhere/ca.pem (No such file or directory); expected a file that can "
            f"be read on the controller; {SET}",
        ),
        (
            {"ca_bundle": "-----BEGIN CERTIFICATE-----\nnone\n"},
            ".ca_bundle is without a certificate that can be read; expected PEM text with the "
            f"certificates of the CA that has signed the directory's own; {SET}",
        ),
    ],
)
def test_acme_refuses(keys: dict[str, object], told: str) -> None:
    assert lines(**keys) == [f"app_tls{told}"]


@pytest.mark.parametrize(
    ("domain", "keys", "told"),
    [
        (
            "*.example.com",
            {},
            ".challenge is http-01 for *.example.com; expected dns-01 or dns-persist-01, since a "
            "wildcard is proved by DNS alone; set app_tls.challenge: dns-01 and app_tls.hook, or "
            "app_tls.challenge: dns-persist-01, or name the hosts in app_domain",
        ),
        (
            "192.0.2.1",
            HOOK | {"profile": "shortlived"},
            ".challenge is dns-01 for 192.0.2.1; expected http-01, since an address has no record "
            "in DNS; remove app_tls.challenge",
        ),
        (
            "192.0.2.1",
            {"challenge": "dns-persist-01", "profile": "shortlived"},
            ".challenge is dns-persist-01 for 192.0.2.1; expected http-01, since an address has no "
            "record in DNS; remove app_tls.challenge",
        ),
        (
            "192.0.2.1",
            {},
            ".profile is not set; expected shortlived for 192.0.2.1, since Let's Encrypt certifies "
            "addresses with it alone; set app_tls.profile: shortlived",
        ),
    ],
)
def test_acme_refuses_what_a_directory_would(
    domain: str, keys: dict[str, object], told: str
) -> None:
    assert lines(domain, **keys) == [f"app_tls{told}"]


def test_acme_secrets_are_in_no_fact_and_no_message() -> None:
    secret = "the-secret-of-the-hook"
    tls = {
        "mode": "acme",
        **HOOK,
        "hook_environment": {"TOKEN": secret},
        "eab": {"kid": "kid-1", "hmac_key": KEY},
    }
    found = examine(GOOD | {"app_tls": tls})
    assert found.deployment["app_tls"] == {"mode": "acme", **HOOK}
    bad = lines(**(HOOK | {"hook_environment": {"TOKEN": f"{secret}\n"}}))
    assert bad
    assert secret not in str(bad)


def test_acme_accepts_the_ca_of_a_directory(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x "
        f"-keyout {tmp_path}/k -out {path}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    assert lines(ca_bundle=str(path)) == []
    assert lines(ca_bundle=path.read_text()) == []
