"""What clients send on purpose: impossible requests, forged headers, and bytes one by one.

The raw requests were refused or harmless before, too, but for the forged headers that `REMOVED`
names and the TLS name of another site; the pages of nginx itself lacked the headers.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import yaml
from events import DOMAIN, ROOT, Shop

FORGED = "203.0.113.66"
EVIL = "evil.example"
OTHER = "other.example.com"
VICTIM = "trust-bookworm"
#: What nothing on the way sets, and an application could believe.
REMOVED: list[str] = yaml.safe_load(
    (ROOT / "roles/nginx_site/vars/main.yml").read_text(encoding="utf-8")
)["__nginx_site_removed_headers"]
SET = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP"]
#: Of every answer of the site, nginx's own included.
HEADERS = ("strict-transport-security: max-age=", "x-content-type-options: nosniff")

#: Asks twenty times a second, each time on a new connection: a slow server shows at once.
STEADY = """
import json, socket, ssl, sys, threading, time
host, port, ca, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
context = ssl.create_default_context(cafile=ca)
taken, failed = [], []
def ask():
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="shop.example.com") as tls:
                head = "GET /healthz HTTP/1.1", "Host: shop.example.com", "Connection: close"
                tls.sendall("\\r\\n".join([*head, "", ""]).encode())
                status = tls.recv(64).split(b" ")[1]
        if status != b"200":
            failed.append(status.decode())
    except Exception as error:
        failed.append(repr(error))
    taken.append(time.monotonic() - began)
end, threads = time.monotonic() + seconds, []
while time.monotonic() < end:
    threads.append(threading.Thread(target=ask))
    threads[-1].start()
    time.sleep(0.05)
for thread in threads:
    thread.join()
print(json.dumps({"requests": len(taken), "failed": failed, "slowest": max(taken)}))
"""


def port_of(shop: Shop, host: str) -> int:
    """Where this machine reaches the host's nginx: 1000 after its SSH."""
    return int(shop.ssh[host][shop.ssh[host].index("-p") + 1]) + 1000


def send(shop: Shop, host: str, raw: str, name: str = DOMAIN) -> str:
    """Send bytes over TLS, and return all that comes back within two seconds."""
    context = ssl.create_default_context(cafile=str(shop.folder / "ca.pem"))
    # Each host has its own certificate, and the name may be that of another site.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answer = b""
    with (
        socket.create_connection(("127.0.0.1", port_of(shop, host)), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
        # Closed, reset, or silent: what came until then counts.
        contextlib.suppress(OSError),
    ):
        tls.settimeout(2)
        tls.sendall(raw.encode("latin-1"))
        while part := tls.recv(65536):
            answer += part
    return answer.decode("latin-1")


def request(*lines: str, target: str = "/whoami", method: str = "GET", body: str = "") -> str:
    """Return a request to the shop, with further header lines."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {DOMAIN}", "Connection: close", *lines]
    return "\r\n".join([*head, "", body])


def statuses(answer: str) -> list[int]:
    """Return the status of each answer on the connection; none when it was closed."""
    return [int(status) for status in re.findall(r"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)]


#: The name of each request, and the statuses that it may get; none for a closed connection.
REFUSED: dict[str, tuple[str, set[int]]] = {
    "CL and TE": (
        request(
            "Content-Length: 4",
            "Transfer-Encoding: chunked",
            method="POST",
            target="/echo",
            body="0\r\n\r\nGET /whoami HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        ),
        {400},
    ),
    "TE twice": (
        request("Transfer-Encoding: chunked", "Transfer-Encoding: identity", method="POST"),
        {400, 501},
    ),
    "CL twice": (
        request("Content-Length: 1", "Content-Length: 2", method="POST", body="ab"),
        {400},
    ),
    "CL no number": (request("Content-Length: +1", method="POST", body="a"), {400}),
    "Host twice": (request(f"Host: {EVIL}"), {400}),
    "no Host": ("GET /whoami HTTP/1.1\r\nConnection: close\r\n\r\n", {400}),
    "bad chunk": (
        request("Transfer-Encoding: chunked", method="POST", target="/echo", body="zz\r\nab\r\n"),
        {400},
    ),
    "huge chunk": (
        request(
            "Transfer-Encoding: chunked", method="POST", target="/echo", body="f" * 17 + "\r\n"
        ),
        {400, 413},
    ),
    "64 KB header": (request("X-Long: " + "a" * 65536), {400, 431}),
    "absolute form": (
        f"GET https://{EVIL}/whoami HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n",
        {400, 421},
    ),
    "null byte": (request(target="/%00whoami"), {400, 404}),
    "above the root": (request(target="/static/%2e%2e/%2e%2e/etc/passwd"), {400, 404}),
    "CONNECT": (request(target=f"{EVIL}:443", method="CONNECT"), {400, 405}),
    "TRACE": (request(method="TRACE"), {405}),
    "HTTP/2 without asking": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    # Without a Host it belongs to no site: closed.
    "HTTP/0.9": ("GET /whoami\r\n", set()),
    "HTTP/1.0": ("GET /whoami HTTP/1.0\r\n\r\n", set()),
    "HTTP/3.7": (f"GET /whoami HTTP/3.7\r\nHost: {DOMAIN}\r\n\r\n", {400, 505}),
    "space before the colon": (request("X-Real-IP : " + FORGED), {400, 200}),
    "folded header": (request("X-One: a\r\n X-Real-IP: " + FORGED), {400, 200}),
}

HARMLESS: dict[str, str] = {
    "underscores": request(
        f"X_Forwarded_For: {FORGED}", f"X_Real_IP: {FORGED}", f"X_Forwarded_Host: {EVIL}"
    ),
    "100 headers": request(*(f"X-Number-{number}: {number}" for number in range(90))),
    "h2c": request("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade"),
    "forged": request(
        *(f"{name}: {FORGED}" for name in [*SET, *REMOVED]),
        f"Forwarded: for={FORGED};host={EVIL};proto=http",
        f"X-Forwarded-Host: {EVIL}",
        f"X-Forwarded-Prefix: /{EVIL}",
        f"X-Request-ID: {EVIL}",
        *(f"{name.upper()}: {FORGED}" for name in SET),
    ),
    "HTTP/1.0": f"GET /whoami HTTP/1.0\r\nHost: {DOMAIN}\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_client_sends_is_refused(shop: Shop, host: str, name: str) -> None:
    raw, allowed = REFUSED[name]
    answer = send(shop, host, raw)
    seen = statuses(answer)
    assert len(seen) <= 1, answer
    assert set(seen) <= allowed, answer
    assert FORGED not in answer
    assert "root:" not in answer
    if seen and seen != [200]:
        for header in HEADERS:
            assert header in answer.lower(), answer


@pytest.mark.parametrize("name", HARMLESS)
def test_the_application_sees_no_forged_client(shop: Shop, host: str, name: str) -> None:
    answer = send(shop, host, HARMLESS[name])
    assert statuses(answer) in ([], [200]), answer
    seen = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])
    assert FORGED not in answer
    assert EVIL not in answer
    assert (seen["scheme"], seen["url"]) == ("https", f"https://{DOMAIN}/whoami")
    assert seen["client"].startswith("10.")
    assert not {header.lower() for header in REMOVED} & seen["headers"].keys()


@pytest.fixture
def other_site(shop: Shop, host: str) -> Iterator[str]:
    """A second site of the host: the TLS name is its own, the request that of the shop."""
    site = "/etc/nginx/conf.d/zz_other.conf"
    shop.shell(
        f"""cat > {site} <<'EOT'
server {{ listen 443 ssl; server_name {OTHER}; return 204;
ssl_certificate /etc/shop/tls/fullchain.pem; ssl_certificate_key /etc/shop/tls/privkey.pem; }}
EOT
nginx -t -q && systemctl reload nginx && sleep 0.5""",
        host,
    )
    yield OTHER
    shop.shell(f"rm {site}; systemctl reload nginx; sleep 0.5", host)


def test_the_tls_name_of_another_site_leads_nowhere(shop: Shop, host: str, other_site: str) -> None:
    answer = send(shop, host, request(), name=other_site)
    assert statuses(answer) == [421], answer
    for header in (*HEADERS, "x-request-id: "):
        assert header in answer.lower(), answer
    assert statuses(send(shop, host, request(), name=DOMAIN.upper())) == [200]


def test_nginxs_own_pages_have_the_sites_headers(shop: Shop, host: str) -> None:
    too_large = request("Content-Length: 99999999", method="POST")
    shop.shell("touch /var/lib/shop/maintenance", host)
    try:
        pages = {503: send(shop, host, request()), 413: send(shop, host, too_large)}
    finally:
        shop.shell("rm /var/lib/shop/maintenance", host)
    pages |= {413: send(shop, host, too_large), 400: send(shop, host, request(target="/%00"))}
    for status, page in pages.items():
        assert statuses(page) == [status], page
        for header in (*HEADERS, "x-request-id: "):
            assert header in page.lower(), page


@pytest.fixture(scope="module")
def attacker(shop: Shop) -> Iterator[str]:
    """One host attacks the other: with an address, and a machine, of its own."""
    host = "trust-trixie"
    address = shop.shell("hostname -I", VICTIM).split()[0]
    certificate = (shop.folder / "ca.pem").read_text(encoding="utf-8")
    shop.shell(
        f"apt-get install -qq -y slowhttptest >/dev/null 2>&1; cp /etc/hosts /root/hosts.before; "
        f"echo {address} {DOMAIN} >> /etc/hosts; cat > /root/ca.pem <<'EOT'\n{certificate}\nEOT\n"
        f"cat > /root/steady.py <<'EOT'\n{STEADY}\nEOT",
        host,
    )
    yield host
    shop.shell(
        "cat /root/hosts.before > /etc/hosts;"
        " rm -f /root/hosts.before /root/ca.pem /root/steady.py;"
        " apt-get purge -qq -y slowhttptest >/dev/null 2>&1",
        host,
    )


SLOW = {
    "header": "-H -i 2 -t GET",
    "body": "-B -i 2 -s 8192 -x 10 -t POST",
    "read": "-X -w 10 -y 20 -n 5 -z 32 -k 3 -t GET",
}


@pytest.mark.parametrize(
    ("kind", "connections"),
    [("header", 400), ("body", 400), ("read", 400), ("header", 1000), ("body", 1000)],
)
def test_slow_clients_slow_nobody_else(
    shop: Shop, attacker: str, kind: str, connections: int
) -> None:
    """Clients of another address notice nothing, and with fewer connections than the limit,
    those who share the attacker's address neither."""
    seconds = 5
    path = "openapi.json" if kind == "read" else "echo"
    slow = subprocess.Popen(
        [
            *shop.ssh[attacker],
            f"slowhttptest -c {connections} -r 400 -l {seconds} -p 5 {SLOW[kind]}"
            f" -u https://{DOMAIN}/{path} >/dev/null 2>&1",
        ]
    )
    controller = [sys.executable, "-c", STEADY, "127.0.0.1", str(shop.port)]
    steady = [
        [*shop.ssh[attacker], f"python3 /root/steady.py {DOMAIN} 443 /root/ca.pem {seconds}"],
        [*controller, str(shop.folder / "ca.pem"), str(seconds)],
    ]
    runs = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for one in steady]
    time.sleep(seconds - 1)
    opened = int(shop.shell("ss -Htn state established sport = :443 | wc -l", VICTIM))
    sharing, beside = (run.communicate(timeout=60)[0] for run in runs)
    slow.wait(timeout=60)
    print(f"slow {kind}, {opened} of {connections}: beside {beside}, sharing {sharing}")
    assert opened > connections / 2
    seen = json.loads(beside)
    assert (seen["failed"], seen["requests"] > seconds * 10) == ([], True)
    assert seen["slowest"] < 1
    if connections < 500:
        assert json.loads(sharing)["failed"] == []
        assert json.loads(sharing)["slowest"] < 1
