"""A Prometheus of the distribution, on a host of its own, that scrapes the application's host."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from events import ROOT, Shop

DOCS = ROOT / "docs" / "metrics"
#: Seconds for what needs some scrapes, on a machine that does much else.
PATIENCE = 90.0
CONFIG = """
global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}
rule_files: [/etc/prometheus/alerts.yml]
scrape_configs:
  - job_name: asgi_fleet
    honor_labels: true
    file_sd_configs: [{files: [/etc/prometheus/asgi_fleet.json]}]
"""


@dataclass
class Prometheus:
    """The server, which the tests ask over SSH."""

    shop: Shop
    host: str = "prometheus"
    began: float = 0.0

    def install(self, targets: str) -> None:
        """Install it, and have it scrape all the time what a file of targets has."""
        self.run(
            "dpkg -s prometheus >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND="
            "noninteractive apt-get install -qq --no-install-recommends prometheus; } >/dev/null"
        )
        # The same expressions, with times that a test can wait for.
        rules = (DOCS / "alerts.yml").read_text(encoding="utf-8")
        quick = re.sub(r"for: \w+", "for: 1s", rules.replace("[5m]", "[20s]"))
        self.write("/etc/prometheus/alerts.yml", quick)
        self.write("/etc/prometheus/asgi_fleet.json", targets)
        self.write("/etc/prometheus/prometheus.yml", CONFIG)
        self.run("promtool check config /etc/prometheus/prometheus.yml")
        self.run("systemctl restart prometheus")
        until(self._is_ready, "Prometheus")
        self.began = time.monotonic()

    def _is_ready(self) -> bool:
        return self.run("curl -sf -m 5 http://127.0.0.1:9090/-/ready >/dev/null; echo $?") == "0"

    def run(self, script: str) -> str:
        """Run a script on its host."""
        return self.shop.shell(script, self.host)

    def write(self, path: str, text: str) -> None:
        """Write a file on its host."""
        self.run(f"cat > {path} <<'END'\n{text}\nEND")

    def ask(self, path: str) -> object:
        """Ask its API."""
        told = json.loads(self.run(f"curl -sS -m 20 'http://127.0.0.1:9090/api/v1/{path}'"))
        assert told["status"] == "success", told
        return told["data"]

    def seconds(self) -> int:
        """Return for how long it has scraped its targets."""
        return int(time.monotonic() - self.began) + 1

    def value(self, query: str) -> float:
        """Return the value of a query that has one; 0 for one that has none."""
        data = self.ask(f"query?query={quote(query)}")
        assert isinstance(data, dict)
        assert len(data["result"]) <= 1, data
        return float(data["result"][0]["value"][1]) if data["result"] else 0.0

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        data = self.ask("alerts")
        assert isinstance(data, dict)
        return {one["labels"]["alertname"] for one in data["alerts"] if one["state"] == "firing"}


def until(found: Callable[[], object], what: str) -> None:
    """Wait until `found` returns something true."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)
