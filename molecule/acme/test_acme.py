"""Certificates by ACME: the first, renewals under load, and everything that goes wrong with them.

In this order: the first tests find the hosts as the first deploy has left them.
"""

from __future__ import annotations

import json
import os
import re
import time

import pytest
from events import Load, Shop
from pebble import CONFIG, HOSTS, PEBBLE, Directory, Renewals

#: Seconds that a certificate of the short renewals lives: each is renewed after the half of it.
SHORT = 30
#: `ACME_MINUTES=30` renews six-minute certificates under load for half an hour.
MINUTES = float(os.environ.get("ACME_MINUTES", "0"))

TRUSTED = (
    "curl -sS --cacert {ca} --resolve shop.example.com:443:127.0.0.1 -o /dev/null"
    " -w '%{{http_code}}' https://shop.example.com/healthz"
)
#: `ACME_PEBBLE=/path/of/pebble` brings a newer one than Debian's, which knows no dns-persist-01.
PEBBLE_BROUGHT = os.environ.get("ACME_PEBBLE", "")

#: Answers as a directory that is asked too often.
STUB = """
import http.server, json, ssl
base = "https://{address}:14001"
class Stub(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        raw = json.dumps(body).encode()
        self.send_response(status)
        kind = "application/problem+json" if status > 399 else "application/json"
        for name, value in dict([("Replay-Nonce", "bm9uY2U"), ("Content-Type", kind),
                                 ("Content-Length", str(len(raw)))]).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)
    def do_HEAD(self):
        self.answer(200, dict())
    def do_GET(self):
        self.answer(200, dict((name, base + "/" + name) for name in
                    ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")))
    def do_POST(self):
        self.answer(429, dict(type="urn:ietf:params:acme:error:rateLimited", status=429,
            detail="too many new registrations (10) from this IP address in the last 3h0m0s, "
            "retry after 2031-01-01 00:00:00 UTC: see the documentation"))
server = http.server.ThreadingHTTPServer(("0.0.0.0", 14001), Stub)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/pebble-test/pebble.pem", "/etc/pebble-test/pebble.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def visit(shop: Shop, directory: Directory, host: str) -> str:
    """Return the status that a visitor of a host gets who trusts the directory's root alone."""
    root = directory.known()
    shop.shell(f"cat > /tmp/root.pem <<'PEM'\n{root}\nPEM", host)
    return shop.shell(TRUSTED.format(ca="/tmp/root.pem"), host, check=False)


def test_first_deploy_is_trusted(shop: Shop, directory: Directory, host: str) -> None:
    assert visit(shop, directory, host) == "200"


def test_nothing_runs_as_root_that_speaks_to_the_directory(shop: Shop, host: str) -> None:
    owners = shop.shell("find /var/lib/shop/acme -printf '%u\\n' | sort -u", host).split()
    assert owners == ["shop-acme"]
    mode = shop.shell("stat -Lc '%U:%G %a' /etc/shop/tls/current/privkey.pem", host).strip()
    assert mode == "root:www-data 640"


def test_whichever_host_is_asked_answers_a_challenge(shop: Shop) -> None:
    asked = (
        "curl -s http://127.0.0.1/.well-known/acme-challenge/a-Token_1 -H 'Host: shop.example.com'"
    )
    answers = {shop.shell(asked, host) for host in HOSTS}
    thumbprint = json.loads(shop.shell(f"cat {CONFIG}", HOSTS[0]))["thumbprint"]
    assert answers == {f"a-Token_1.{thumbprint}"}


def test_challenge_is_answered_during_maintenance(shop: Shop, host: str) -> None:
    name = "--resolve shop.example.com:443:127.0.0.1 --resolve shop.example.com:80:127.0.0.1"
    closed = f"curl -sk -o /dev/null -w '%{{http_code}}' {name} https://shop.example.com/"
    asked = f"curl -s {name} http://shop.example.com/.well-known/acme-challenge/a-Token_1"
    shop.shell("touch /var/lib/shop/maintenance", host)
    seen = shop.shell(closed, host, check=False), shop.shell(asked, host)
    shop.shell("rm /var/lib/shop/maintenance", host)
    assert seen[0] == "503"
    assert seen[1].startswith("a-Token_1.")


def test_no_path_serves_the_key(shop: Shop, host: str) -> None:
    for path in ("/privkey.pem", "/../privkey.pem", "/%2e%2e/privkey.pem", "/empty/"):
        answer = shop.shell(
            f"curl -sk --path-as-is https://127.0.0.1{path} -H 'Host: shop.example.com'"
            f" --resolve shop.example.com:443:127.0.0.1; curl -sk --path-as-is"
            f" --resolve shop.example.com:443:127.0.0.1 https://shop.example.com{path}",
            host,
            check=False,
        )
        assert "PRIVATE KEY" not in answer


def test_renewals_under_load_lose_nothing(
    shop: Shop, directory: Directory, renewals: Renewals, load: Load
) -> None:
    # Pebble is another after its start: it knows no account, and gets it again.
    directory.issue(SHORT)
    load.end()
    load.start()
    began = time.time()
    assert "ordered" in renewals.anew("acme-trixie")
    serials = {renewals.serial("acme-trixie")}
    workers = shop.shell("pgrep -u www-data nginx", "acme-trixie")
    while time.time() - began < 2.2 * SHORT:
        time.sleep(2)
        serials.add(renewals.serial("acme-trixie"))
    lap = load.end()
    print(f"renewals under load: {len(serials)} certificates, {lap}")
    assert len(serials) >= 3
    assert lap["failed"] == 0
    assert renewals.state("acme-trixie")["failures"] == 0
    # None of it was a reload.
    assert shop.shell("pgrep -u www-data nginx", "acme-trixie") == workers
    load.start()


def test_directory_that_is_down_leaves_the_old_one_and_is_asked_less_and_less(
    shop: Shop, directory: Directory, renewals: Renewals
) -> None:
    directory.issue(120)
    assert "ordered" in renewals.anew("acme-trixie")
    old = renewals.serial("acme-trixie")
    directory.down()
    # It asks at once, since what it had is gone.
    assert "serves until" in renewals.anew("acme-trixie")
    moments: list[tuple[int, int]] = []
    deadline = time.time() + 60
    while len(moments) < 4 and time.time() < deadline:
        state = renewals.state("acme-trixie")
        if state["failures"] and (not moments or state["checked"] != moments[-1][0]):
            moments.append((state["checked"], state["next"] - state["checked"]))
        time.sleep(0.3)
    print(f"back-off, in seconds: {[wait for _, wait in moments]}")
    state = renewals.state("acme-trixie")
    assert state["failures"] >= 4
    assert "the host does not reach the directory" in state["reason"]
    # lifetime/100, doubled, at most lifetime/24, as whole seconds and with its jitter.
    assert moments[0][1] <= 2 < moments[-1][1] <= 6
    assert renewals.serial("acme-trixie") == old
    told = shop.play("verify", limit="acme-trixie").stdout
    print([line for line in told.splitlines() if "certificate" in line.lower()])
    directory.up()
    time.sleep(12)
    assert renewals.state("acme-trixie")["failures"] == 0, renewals.state("acme-trixie")["reason"]
    assert renewals.serial("acme-trixie") != old


def test_wrong_challenge_is_told_and_leaves_the_old_one(
    shop: Shop, directory: Directory, renewals: Renewals
) -> None:
    directory.issue(7776000)
    assert "ordered" in renewals.anew("acme-trixie")
    old = renewals.serial("acme-trixie")
    wrong = "sed -i 's#return 200 $1[.].*;#return 200 $1.wrong;#' /etc/nginx/conf.d/shop.conf"
    for one in HOSTS:
        shop.shell(f"cp /etc/nginx/conf.d/shop.conf /root/; {wrong}; nginx -s reload", one)
    time.sleep(1)
    told = renewals.anew("acme-trixie")
    for one in HOSTS:
        shop.shell("cp /root/shop.conf /etc/nginx/conf.d/; nginx -s reload", one)
    print(told)
    assert "shop.example.com: unauthorized" in told
    assert "the CA asks the name on port 80" in told
    assert "serves until" in told
    assert renewals.serial("acme-trixie") == old
    assert renewals.state("acme-trixie")["failures"] == 1
    assert "ordered" in renewals.now("acme-trixie")


def test_rate_limit_is_told_and_waited_for(shop: Shop, renewals: Renewals) -> None:
    address = json.loads(shop.shell(f"cat {CONFIG}", "acme-trixie"))["directory"].split("/")[2]
    stub = STUB.replace("{address}", address.split(":")[0])
    shop.shell(
        f"cat > /root/stub.py <<'PY'\n{stub}\nPY\nsystemctl -q stop stub;"
        " systemd-run --collect --unit=stub python3 /root/stub.py",
        PEBBLE,
    )
    shop.shell(f"cp {CONFIG} /root/ && sed -i 's/:14000/:14001/' {CONFIG}", "acme-trixie")
    old = renewals.serial("acme-trixie")
    told = renewals.now("acme-trixie")
    state = renewals.state("acme-trixie")
    shop.shell(f"cp /root/acme.json {CONFIG}", "acme-trixie")
    print(told)
    assert "the directory limits how often it issues" in told
    # When the directory says, not when a back-off would end.
    assert state["next"] == 1924992000
    assert renewals.serial("acme-trixie") == old
    # An operator need not wait for that.
    assert "ordered" in renewals.now("acme-trixie")
    assert renewals.state("acme-trixie")["failures"] == 0


HOOK = """#!/bin/sh
set -e
test "$DNS_TOKEN" = the-token
case $1 in
add) to=set-txt; value=",\\"value\\":\\"$CERTBOT_VALIDATION\\"";;
remove) to=clear-txt; value=;;
esac
curl -sSf -d "{\\"host\\":\\"_acme-challenge.$CERTBOT_DOMAIN.\\"$value}" http://ADDRESS:8055/$to
"""


def test_wildcard_by_a_dns_hook(shop: Shop, directory: Directory) -> None:
    url = json.loads(shop.shell(f"cat {CONFIG}", "acme-trixie"))["directory"]
    hook = HOOK.replace("ADDRESS", url.split("/")[2].split(":")[0])
    shop.shell(
        f"cat > /usr/local/bin/dns-hook <<'SH'\n{hook}\nSH\nchmod 755 /usr/local/bin/dns-hook",
        "acme-trixie",
    )
    told = shop.succeed(
        "provision",
        limit="acme-trixie",
        tags="tls_certificate,nginx_site",
        app_domain=["shop.example.com", "*.example.com"],
        app_tls={
            "mode": "acme",
            "directory": url,
            "ca_bundle": shop.shell("cat /etc/shop/tls/acme-ca.pem", "acme-trixie"),
            "challenge": "dns-01",
            "hook": "/usr/local/bin/dns-hook",
            "hook_environment": {"DNS_TOKEN": "the-token"},
        },
    )
    assert "the-token" not in told
    names = shop.shell(
        "openssl x509 -noout -ext subjectAltName -in /etc/shop/tls/fullchain.pem", "acme-trixie"
    )
    assert "DNS:*.example.com" in names
    assert visit(shop, directory, "acme-trixie") == "200"


@pytest.mark.skipif(not PEBBLE_BROUGHT, reason="ACME_PEBBLE is the path of Pebble 2.10 or later")
def test_standing_record_is_told_and_is_enough_for_every_order(
    shop: Shop, directory: Directory, renewals: Renewals
) -> None:
    run = {
        "limit": "acme-trixie",
        "tags": "tls_certificate,nginx_site",
        "app_domain": ["shop.example.com", "*.standing.example.com"],
        "app_tls": {
            "mode": "acme",
            "challenge": "dns-persist-01",
            "directory": json.loads(shop.shell(f"cat {CONFIG}", "acme-trixie"))["directory"],
            "ca_bundle": shop.shell("cat /etc/shop/tls/acme-ca.pem", "acme-trixie"),
        },
    }
    told = shop.play("provision", **run)
    assert told.returncode != 0
    shown = "".join(told.stdout.split("\n"))
    records = dict(re.findall(r'_validation-persist[.](\S+)[.] IN TXT \\?"([^"\\]+)', shown))
    print(records)
    assert records["standing.example.com"].endswith("; policy=wildcard")
    assert records["shop.example.com"].startswith("pebble.letsencrypt.org; accounturi=https://")
    for name, value in records.items():
        record = json.dumps({"host": f"_validation-persist.{name}.", "value": value})
        shop.shell(f"curl -sSf -d '{record}' http://127.0.0.1:8055/set-txt", PEBBLE)
    shop.succeed("provision", **run)
    names = shop.shell(
        "openssl x509 -noout -ext subjectAltName -in /etc/shop/tls/fullchain.pem", "acme-trixie"
    )
    assert "DNS:*.standing.example.com" in names
    assert visit(shop, directory, "acme-trixie") == "200"
    assert "ordered" in renewals.anew("acme-trixie")


def test_address_as_domain_needs_no_name(shop: Shop, directory: Directory) -> None:
    address = shop.shell("hostname -I", "acme-trixie").split()[0]
    shop.succeed(
        "provision", limit="acme-trixie", tags="tls_certificate,nginx_site", app_domain=address
    )
    shop.shell(f"cat > /tmp/root.pem <<'PEM'\n{directory.known()}\nPEM", "acme-trixie")
    # curl names no server in the handshake for an address.
    asked = f"curl -sS --cacert /tmp/root.pem -o /dev/null -w '%{{http_code}}' https://{address}/healthz"
    assert shop.shell(asked, "acme-trixie", check=False) == "200"
    # The application does not know its new name yet; of the certificate there is nothing to tell.
    told = shop.play("verify", limit="acme-trixie", app_domain=address).stdout
    findings = [line for line in told.splitlines() if line.startswith("  - ")]
    assert not [line for line in findings if "certificate" in line or "nginx" in line], findings


def test_client_that_cannot_be_installed_is_told(shop: Shop) -> None:
    shop.shell("mv /opt/acme_client /opt/away", "acme-trixie")
    told = shop.play(
        "provision",
        limit="acme-trixie",
        tags="tls_certificate",
        python_release_uv_environment={"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"},
    )
    shop.shell("rm -rf /opt/acme_client; mv /opt/away /opt/acme_client", "acme-trixie")
    assert told.returncode != 0
    assert "the ACME client, certbot, cannot be installed on this host by pip" in told.stdout


@pytest.mark.skipif(not MINUTES, reason="ACME_MINUTES says for how long, such as 30")
def test_half_an_hour_of_six_minute_certificates_loses_nothing(
    shop: Shop, directory: Directory, renewals: Renewals
) -> None:
    shop.succeed("provision", limit="acme-trixie", tags="tls_certificate,nginx_site")
    directory.issue(360)
    load = Load(shop, rate=50)
    began = time.time()
    assert "ordered" in renewals.anew("acme-trixie")
    load.start()
    serials = {renewals.serial("acme-trixie")}
    while time.time() - began < MINUTES * 60:
        time.sleep(5)
        serials.add(renewals.serial("acme-trixie"))
    lap = load.end()
    print(f"{MINUTES:g} minutes: {len(serials)} certificates, {lap}")
    # Each is renewed after the half of its six minutes.
    assert len(serials) > MINUTES / 6 + 0.5
    assert lap["failed"] == 0
    assert lap["seconds"] > MINUTES * 60 - 60
