"""Certificates of a fleet change under load: to an authority of its own, and to the next one.

The tests run in their order, before those of test_fleet.py, which go on with what is there then.
"""

from __future__ import annotations

import re
import time

from events import DOMAIN, Load, Shop

BALANCER = "fleet-balancer"


def authority(shop: Shop, name: str) -> dict[str, str]:
    """`app_tls` with one of the authorities that the visitors trust."""
    paths = {"certificate": f"{shop.folder}/{name}.pem", "key": f"{shop.folder}/{name}.key"}
    return {"mode": "internal_ca", **paths}


def issuers(shop: Shop) -> set[str]:
    """Who has issued what each host and the balancer really serve."""
    asked = (
        f"openssl s_client -connect 127.0.0.1:443 -servername {DOMAIN} < /dev/null 2> /dev/null"
        " | openssl x509 -noout -issuer -nameopt RFC2253"
    )
    return {shop.shell(asked, host).removeprefix("issuer=") for host in shop.hosts}


def trusted(shop: Shop) -> list[str]:
    """What the balancer trusts for each host, as lines of subjects."""
    told = shop.shell(
        "for file in /etc/haproxy/trust/shop/*.pem; do openssl crl2pkcs7 -nocrl -certfile $file"
        " | openssl pkcs7 -print_certs -noout | grep ^subject | tr '\\n' ' '; echo; done",
        BALANCER,
    )
    return [" ".join(re.findall(r"CN ?= ?(\S+)", line)) for line in told.splitlines()]


def hosts(shop: Shop) -> list[str]:
    return [host for host in shop.hosts if host != BALANCER]


def test_fleet_moves_to_an_authority_of_its_own(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.variables["app_tls"] = authority(shop, "former-ca")
    shop.succeed("certificates")
    assert issuers(shop) == {"CN=former-ca"}
    assert trusted(shop) == ["former-ca"] * len(hosts(shop))
    assert load.failures(since=began) == []


def test_rotation_that_has_not_reached_all_keeps_both_trusted(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.variables["app_tls"] = authority(shop, "present-ca")
    shop.succeed("certificates", limit=hosts(shop)[0])
    assert issuers(shop) == {"CN=former-ca", "CN=present-ca"}
    assert trusted(shop)[0] == "present-ca former-ca"
    assert load.failures(since=began) == []


def test_rotation_of_the_authority_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.succeed("certificates")
    assert issuers(shop) == {"CN=present-ca"}
    assert trusted(shop) == ["present-ca"] * len(hosts(shop))
    assert load.failures(since=began) == []
