"""What the renewal of a certificate costs visitors: by a variable, or by a reload.

    python bench/renewals.py HOST

HOST is an application host of the scenario acme (`molecule converge -s acme`). For each way:
requests over kept connections, HTTP/1.1 and HTTP/2, while a pair is exchanged ten times; then full
handshakes, and the time that nginx's workers spend on the processor for each.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "molecule" / "shared"))

from events import Shop  # noqa: E402

EXCHANGES = 10
SECONDS_BETWEEN = 2
HANDSHAKE_SECONDS = 4
ROUNDS = 4
#: One after the other, none of them resumed.
HANDSHAKES = f"""
import socket, ssl, time
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
count, end = 0, time.monotonic() + {HANDSHAKE_SECONDS}
while time.monotonic() < end:
    with socket.create_connection(("127.0.0.1", 443)) as plain:
        with context.wrap_socket(plain, server_hostname="shop.example.com"):
            count += 1
print(count)
"""
SITE = "/etc/nginx/conf.d/shop.conf"
#: The pair in use is copied under another name, and the link leads there.
EXCHANGE = (
    "cd /etc/shop/tls && now=$(readlink current)"
    " && next=${now%.[ab]}.$(test ${now##*.} = a && echo b || echo a)"
    " && rm -rf $next && cp -a $now $next && ln -sfn $next current.new"
    " && mv -T current.new current"
)
WAYS = {
    "variable": "",
    "reload": r"s#\$fleet_pair_shop/../#/etc/shop/tls/current/#",
}


def load(shop: Shop, kind: str, way: str) -> dict[str, int]:
    """Exchange the pair under load; return how many requests were sent, and how many failed."""
    stop = shop.folder / f"stop-{time.time_ns()}"
    generator = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.load", "--url", f"https://shop.example.com:{shop.port}"),
            *("--connect", f"127.0.0.1:{shop.port}", "--cacert", str(shop.folder / "ca.pem")),
            *("--mix", kind, "--connections", "16", "--rate", "400", "--until-file", str(stop)),
            *("--seconds", "600"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(2)
    for _ in range(EXCHANGES):
        shop.shell(EXCHANGE + (" && nginx -s reload" if way == "reload" else ""))
        time.sleep(SECONDS_BETWEEN)
    stop.touch()
    output, _ = generator.communicate(timeout=60)
    lap = json.loads(output.splitlines()[-1])
    return {name: lap[name] for name in ("requests", "failed", "reconnects")}


def use(shop: Shop, change: str) -> None:
    """Let the site get at its pair in one way."""
    shop.shell(f"sed -e '{change}' /root/site.before > {SITE} && nginx -s reload; sleep 3")


def handshakes(shop: Shop) -> float:
    """Return the microseconds on a processor of nginx's workers for each full handshake."""
    spent = (
        "cat $(printf '/proc/%s/schedstat ' $(pgrep -P $(cat /run/nginx.pid)))"
        " | awk '{s+=$1}END{print s}'"
    )
    before = float(shop.shell(spent))
    count = int(shop.shell(f"python3 - <<'PY'\n{HANDSHAKES}\nPY"))
    after = float(shop.shell(spent))
    return (after - before) / 1000 / count


def main(host: str) -> int:
    """Measure both ways on a host, and put its site back."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.connected(Path(folder), ROOT / "molecule" / "acme" / "inventory", host)
        shop.ssh = {host: shop.ssh[host]}
        (shop.folder / "ca.pem").write_text(shop.shell("cat /etc/shop/tls/fullchain.pem"))
        print(shop.shell("nginx -v 2>&1").strip())
        shop.shell(f"cp {SITE} /root/site.before")
        try:
            for way, change in WAYS.items():
                shop.shell(
                    f"sed -e '{change}' /root/site.before > {SITE} && nginx -s reload; sleep 3"
                )
                for kind in ("get", "h2"):
                    print(f"{way:9} {kind:5}", load(shop, kind, way), flush=True)
            # In turn, and the best of each: others may be busy on the machine.
            costs: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS):
                for way, change in WAYS.items():
                    use(shop, change)
                    costs[way].append(handshakes(shop))
            for way, seen in costs.items():
                print(f"{way:9} {min(seen):.0f} us of nginx for each full handshake")
        finally:
            shop.shell(
                f"cp /root/site.before {SITE};"
                "nginx -s reload; cd /etc/shop/tls; now=$(readlink current);"
                "ln -sfn ${now%.[ab]} current.new; mv -T current.new current; rm -rf *.[ab]"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
