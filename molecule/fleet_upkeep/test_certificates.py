"""Certificates of a fleet change under load: to an authority of its own, and to the next one.

The tests run in their order, before those of test_upkeep.py, which go on with what is there then.
"""

from __future__ import annotations

import re
import subprocess
import time

from events import DOMAIN, Load, Shop

BALANCER = "upkeep-balancer"
#: A certificate as one buys it: its root is in the systems' bundles, and not in its chain.
BOUGHT = f"""
set -e
issue() {{ openssl x509 -req -days 30 -in $1.csr -extfile $1.ext -out $1.pem \
  -CA $2.pem -CAkey $2.key; }}
ask() {{ openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$1 \
  -keyout $1.key -out $1.csr; }}
ask intermediate; ask bought
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n' > intermediate.ext
printf 'subjectAltName=DNS:{DOMAIN}\nextendedKeyUsage=serverAuth\n' > bought.ext
issue intermediate present-ca; issue bought intermediate
cat intermediate.pem >> bought.pem
"""


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


def test_fleet_moves_to_a_certificate_that_the_system_trusts_and_back(
    shop: Shop, load: Load
) -> None:
    subprocess.run(["bash", "-c", BOUGHT], cwd=shop.folder, check=True, capture_output=True)
    root = (shop.folder / "present-ca.pem").read_text(encoding="utf-8")
    store = "/usr/local/share/ca-certificates/present-ca.crt"
    shop.shell(f"cat > {store} <<'PEM'\n{root}\nPEM\nupdate-ca-certificates", BALANCER)
    began = time.time()
    own = shop.variables["app_tls"]
    paths = {"certificate": f"{shop.folder}/bought.pem", "key": f"{shop.folder}/bought.key"}
    shop.variables["app_tls"] = {"mode": "provided", **paths}
    shop.succeed("certificates")
    assert issuers(shop) == {"CN=intermediate"}
    for names in trusted(shop):
        assert "present-ca" in names.split()
        assert len(names.split()) > 50
    shop.variables["app_tls"] = own
    shop.succeed("certificates")
    assert issuers(shop) == {"CN=present-ca"}
    assert trusted(shop) == ["present-ca"] * len(hosts(shop))
    assert load.failures(since=began) == []
    shop.shell(f"rm {store}; update-ca-certificates", BALANCER)
