"""Visits a site behind the balancer of this host, and tells which of its servers answered.

    python3 visits.py PORT DOMAIN COUNT [COOKIE]

Prints JSON: `servers` (how many of COUNT requests each answered, as HAProxy counts), `set` (the
cookies that were set) and `status` (the codes). With COOKIE, each request carries it.
"""

import collections
import csv
import http.client
import io
import json
import socket
import ssl
import sys


def answered(site: str) -> dict[str, int]:
    """Answers of the site's servers until now."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/run/haproxy/admin.sock")
        connection.sendall(b"show stat -1 4 -1\n")
        told = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    rows = csv.DictReader(io.StringIO(told))
    return {row["svname"]: int(row["hrsp_2xx"]) for row in rows if row["# pxname"] == site}


class Visitor(http.client.HTTPSConnection):
    """Asks this host, whatever the domain resolves to."""

    def connect(self) -> None:
        # Which certificate it is, other tests look at.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


def main(port: int, domain: str, count: int, cookie: str) -> dict[str, object]:
    """Visit the site."""
    site = domain.partition(".")[0]
    before = answered(site)
    cookies, codes = [], collections.Counter()
    # HAProxy chooses a server for each request, also on one connection.
    visitor = Visitor(domain, port)
    for _ in range(count):
        visitor.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
        answer = visitor.getresponse()
        answer.read()
        codes[answer.status] += 1
        cookies += answer.headers.get_all("Set-Cookie", [])
    after = answered(site)
    return {
        "servers": {name: after[name] - before.get(name, 0) for name in after},
        "set": cookies,
        "status": dict(codes),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), " ".join(sys.argv[4:]))))
