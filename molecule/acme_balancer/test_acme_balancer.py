"""A fleet whose balancers obtain their certificates by ACME, and what a renewal costs its visitors.

The figures of docs/decisions.md are those that `test_renewals_lose_nothing` prints.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time

import pytest
from events import DOMAIN, Load, Shop
from pebble import Renewals

LOADER = "/usr/local/lib/haproxy_balancer/load_certificates.py"
RENEWALS = 10
#: `ACME_MINUTES=30` renews six-minute certificates under load for half an hour.
MINUTES = float(os.environ.get("ACME_MINUTES", "0"))
#: Let the directory issue for six minutes from now on; it is another then, with another root.
SIX_MINUTES = """
sed -Ei 's/(alidityPeriod": )[0-9]+/\\1360/' /etc/pebble-test/config.json
systemctl restart pebble-test
for _ in $(seq 50); do curl -sk https://127.0.0.1:15000/roots/0 && break; sleep 0.2; done
"""
AUTHORITY = """
set -e
mkdir -p /root/authority && cd /root/authority
[ -e ca.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
  -subj "/CN=Authority of the test" -addext keyUsage=critical,keyCertSign \\
  -out ca.pem -keyout ca.key 2>/dev/null
cat ca.pem
"""
#: Another pair in the place of the one in use, as a renewal brings it.
RENEWED = """
set -e
cd /etc/shop/tls
rm -rf pair-test && mkdir pair-test && cd pair-test
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=shop \
  -out request -keyout privkey.pem 2>/dev/null
printf 'subjectAltName=DNS:shop.example.com\nauthorityKeyIdentifier=keyid\n' > names
openssl x509 -req -in request -CA /root/authority/ca.pem -CAkey /root/authority/ca.key -days 2 \
  -extfile names -out fullchain.pem 2>/dev/null
cd .. && ln -sfn pair-test current.new && mv -T current.new current
"""
RESTORED = """
cd /etc/shop/tls
ln -sfn "$1" current.new && mv -T current.new current
rm -rf pair-test
"""
HOW = {"commit": LOADER, "reload": "systemctl reload haproxy"}


def shown(shop: Shop) -> str:
    """The certificate that a visitor is shown, as PEM."""
    context = ssl.create_default_context(cafile=str(shop.folder / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", shop.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=DOMAIN) as connection,
    ):
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")


class Newcomers(threading.Thread):
    """Visitors who connect anew, one after the other: only they meet another certificate."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(daemon=True)
        self.shop = shop
        self.certificates: list[str] = []
        self.failures: list[str] = []
        self.ended = threading.Event()

    def run(self) -> None:
        """Connect until the end."""
        while not self.ended.is_set():
            try:
                self.certificates.append(shown(self.shop))
            except OSError as error:
                self.failures.append(repr(error))

    def end(self) -> None:
        """Connect no more."""
        self.ended.set()
        self.join()


@pytest.fixture
def authority(shop: Shop, front: str) -> None:
    """One that the visitors trust as well, for pairs of the tests."""
    trusted = shop.folder / "ca.pem"
    added = shop.shell(AUTHORITY, front)
    if added not in trusted.read_text():
        trusted.write_text(f"{trusted.read_text()}\n{added}\n")


def test_visitor_trusts_the_certificate_of_the_directory(shop: Shop, front: str) -> None:
    assert shop.ask("/healthz")
    issuer = shop.shell("openssl x509 -noout -issuer -in /etc/shop/tls/fullchain.pem", front)
    assert "Pebble" in issuer


def test_balancers_share_an_account_but_no_certificate(shop: Shop, shops: dict[str, Shop]) -> None:
    told = {
        balancer: shop.shell(
            "sha256sum < /etc/shop/tls/acme-account.pem; sha256sum < /etc/shop/tls/fullchain.pem",
            balancer,
        ).split()[::2]
        for balancer in shops
    }
    (account, certificate), (other_account, other_certificate) = told.values()
    assert account == other_account
    assert certificate != other_certificate


def test_any_balancer_answers_a_challenge(shop: Shop, shops: dict[str, Shop]) -> None:
    ask = "curl -s --max-time 5 -H 'Host: shop.example.com' http://{}/.well-known/acme-challenge/x"
    addresses = [shop.shell("hostname -I", balancer).split()[0] for balancer in shops]
    answers = {shop.shell(ask.format(address), "behind1") for address in addresses}
    assert len(answers) == 1
    assert answers.pop().startswith("x.")


def test_hosts_behind_have_their_own_pair(shop: Shop) -> None:
    for host in ("behind1", "behind2", "behind3"):
        told = shop.shell(
            "openssl x509 -noout -issuer -subject -in /etc/shop/tls/fullchain.pem", host
        )
        assert "Pebble" not in told


@pytest.mark.usefixtures("authority")
def test_wrong_key_is_refused_and_the_former_certificate_serves(shop: Shop, front: str) -> None:
    before = shown(shop)
    live = shop.shell("readlink /etc/shop/tls/current", front)
    key = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    told = shop.shell(
        f"{RENEWED}\n{key} -out pair-test/privkey.pem\n{LOADER} 2>&1 || echo ended with $?", front
    )
    assert "inconsistencies between private key and certificate" in told
    assert told.endswith("ended with 1")
    assert shown(shop) == before
    shop.shell(f"set -- {live}\n{RESTORED}", front)
    assert shop.shell(LOADER, front) == ""
    assert shop.ask("/healthz")


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize("how", HOW)
def test_renewals_lose_nothing(shop: Shop, front: str, how: str) -> None:
    live = shop.shell("readlink /etc/shop/tls/current", front)
    load = Load(shop, rate=120)
    load.start()
    newcomers = Newcomers(shop)
    newcomers.start()
    began, taken = time.time(), []
    try:
        for _ in range(RENEWALS):
            shop.shell(RENEWED, front)
            start = time.monotonic()
            shop.shell(HOW[how], front)
            taken.append(time.monotonic() - start)
            time.sleep(1)
    finally:
        newcomers.end()
        shop.shell(f"set -- {live}\n{RESTORED}\n{LOADER}", front)
        failures = load.failures(since=began)
        lap = load.end()
    version = shop.shell("haproxy -v | head -1 | cut -d' ' -f3", front)
    print(
        f"HAProxy {version}, {RENEWALS} renewals by {how}: {lap['requests']} requests, "
        f"{len(failures)} failed; {len(newcomers.certificates)} new connections, "
        f"{len(newcomers.failures)} failed; {lap['reconnects']} reconnects; "
        f"{sorted(taken)[len(taken) // 2]:.2f} s each"
    )
    print(lap)
    print(failures[:5], newcomers.failures[:5])
    # The former one, and each of the new ones.
    assert len(set(newcomers.certificates)) == RENEWALS + 1
    if how == "commit":
        assert (failures, newcomers.failures, lap["reconnects"]) == ([], [], 0)


def test_order_of_the_balancer_itself_is_loaded(shop: Shop, front: str) -> None:
    before = shown(shop)
    # As if it had never ordered one.
    shop.shell("rm -rf /etc/shop/tls/renewal.json /var/lib/shop/acme/config-*", front)
    shop.succeed("balancer", limit=f"{front},localhost")
    assert shown(shop) != before
    assert shop.ask("/healthz")


@pytest.mark.skipif(not MINUTES, reason="ACME_MINUTES says for how long, such as 30")
def test_half_an_hour_of_six_minute_certificates_loses_nothing(shops: dict[str, Shop]) -> None:
    root = next(iter(shops.values())).shell(SIX_MINUTES, "pebble-behind")
    loads, serials = {}, {}
    began = time.time()
    for front, shop in shops.items():
        trusted = shop.folder / "ca.pem"
        trusted.write_text(f"{root}\n{trusted.read_text()}")
        assert "ordered" in Renewals(shop).anew(front)
        serials[front] = {Renewals(shop).serial(front)}
        loads[front] = Load(shop, rate=25)
        loads[front].start()
    while time.time() - began < MINUTES * 60:
        time.sleep(5)
        for front, shop in shops.items():
            serials[front].add(Renewals(shop).serial(front))
    laps = {front: load.end() for front, load in loads.items()}
    for front, lap in laps.items():
        print(f"{MINUTES:g} minutes, {front}: {len(serials[front])} certificates, {lap}")
    for front, lap in laps.items():
        # Each is renewed after the half of its six minutes.
        assert len(serials[front]) > MINUTES / 6 + 0.5
        assert lap["failed"] == 0
        assert lap["seconds"] > MINUTES * 60 - 60


def test_site_that_is_gone_takes_its_certificate_and_renewals_along(shops: dict[str, Shop]) -> None:
    shop = next(iter(shops.values()))
    left = "ls -d /etc/shop /var/lib/shop /etc/systemd/system/shop-certificate.* 2>/dev/null; true"
    assert all(shop.shell(left, front) for front in shops)
    shop.succeed("balancer", app_name="blog")
    for front in shops:
        assert shop.shell(f"{left}; id -un shop-acme 2>/dev/null; true", front) == ""
        assert "blog" in shop.shell("cat /etc/haproxy/certificates.list", front)
    shop.succeed("balancer")
    for one in shops.values():
        assert one.ask("/healthz")
