"""The ACME server beside the hosts, and the renewal on them."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from events import Shop

PROGRAM = "/usr/bin/python3 -s -E -B /usr/local/lib/tls_certificate/renew_acme.py"
CONFIG = "/etc/shop/tls/acme.json"
PEBBLE = "acme-pebble"
HOSTS = ("acme-bookworm", "acme-trixie")


@dataclass
class Directory:
    """Pebble: what it issues, and what happens to it."""

    shop: Shop

    def issue(self, seconds: int) -> None:
        """Let its certificates live for so long from now on; it forgets every account."""
        self.shop.shell(
            rf"sed -Ei 's/(alidityPeriod\": )[0-9]+/\1{seconds}/' /etc/pebble-test/config.json"
            " && systemctl restart pebble-test",
            PEBBLE,
        )
        self.trust()

    def trust(self) -> None:
        """Keep its present root, which is another after each start, for all who visit the shop."""
        port = int(self.shop.ssh[PEBBLE][self.shop.ssh[PEBBLE].index("-p") + 1]) + 1000
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for _ in range(50):
            try:
                with urllib.request.urlopen(
                    f"https://127.0.0.1:{port}/roots/0", context=context
                ) as answer:
                    root = answer.read().decode()
            except OSError:
                time.sleep(0.2)
            else:
                self.roots.write_text(root + self.known(), encoding="utf-8")
                return
        raise AssertionError("Pebble does not answer")

    @property
    def roots(self) -> Path:
        """The roots that the load trusts."""
        return self.shop.folder / "ca.pem"

    def known(self) -> str:
        """Return the roots so far."""
        return self.roots.read_text(encoding="utf-8") if self.roots.exists() else ""

    def down(self) -> None:
        """Stop it."""
        self.shop.shell("systemctl stop pebble-test", PEBBLE)

    def up(self) -> None:
        """Start it again, without any account."""
        self.shop.shell("systemctl start pebble-test", PEBBLE)
        self.trust()


@dataclass
class Renewals:
    """The renewal on the hosts."""

    shop: Shop

    def now(self, host: str) -> str:
        """Run it at once, as an operator does; return what it printed."""
        return self.shop.shell(f"{PROGRAM} now {CONFIG} 2>&1", host, check=False)

    def anew(self, host: str) -> str:
        """Let it order another certificate, whatever the age of the present one."""
        self.shop.shell("rm -rf /var/lib/shop/acme/config-*/{live,archive,renewal}", host)
        return self.now(host)

    def state(self, host: str) -> dict[str, Any]:
        """Return renewal.json."""
        state: dict[str, Any] = json.loads(self.shop.shell("cat /etc/shop/tls/renewal.json", host))
        return state

    def serial(self, host: str) -> str:
        """Return the serial number of the certificate that nginx serves."""
        return self.shop.shell(
            "openssl s_client -connect 127.0.0.1:443 -servername shop.example.com </dev/null"
            " 2>/dev/null | openssl x509 -noout -serial",
            host,
        ).strip()
