"""nginx itself: what decides whether it took a reload, and what it may do on the host."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from pathlib import Path

from events import DOMAIN, ROOT, Shop

SITE = "/etc/nginx/conf.d/zz_trial.conf"
PORT = 8099
#: Requests whose path is what nginx writes when it refuses, each with a body that it notes in its
#: log because it writes it to a file.
NOISE = f"""
import os, socket, ssl, time
context = ssl._create_unverified_context()
end = time.monotonic() + 60
while time.monotonic() < end and os.path.exists("/run/noise"):
    try:
        with socket.create_connection(("127.0.0.1", 443), timeout=2) as plain:
            with context.wrap_socket(plain, server_hostname="{DOMAIN}") as tls:
                for _ in range(50):
                    tls.sendall(b"POST /[emerg] HTTP/1.1\\r\\nHost: {DOMAIN}\\r\\n"
                                b"Content-Length: 65536\\r\\n\\r\\n" + b"x" * 65536)
                    if not tls.recv(65536):
                        break
    except OSError:
        pass
"""


def configure(host: str, text: str, **options: object) -> dict[str, object]:
    """Give nginx a further site, as a role would; return what the module answered."""
    options |= {"files": {SITE: text}} if text else {"absent": [SITE]}
    output = subprocess.run(
        [
            *("ansible", host, "--one-line", "-m", "asgi.fleet.nginx_config"),
            f"--inventory={ROOT}/molecule/shared/inventory/lab.yml",
            f"--inventory={Path(__file__).parent}/inventory",
            f"--args={json.dumps(options)}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    answer: dict[str, object] = json.loads(output[output.index("{") :])
    return answer


def served(shop: Shop, host: str, port: int) -> str:
    return shop.shell(f"curl -s --max-time 3 http://127.0.0.1:{port}/ || echo nothing", host)


def test_a_reload_is_judged_by_nothing_that_clients_write(shop: Shop) -> None:
    """At db2b25c: `nginx refuses the reload: HTTP/1.1", host: "shop.example.com"; ...`."""
    host = "trust-trixie"
    taken = f"python3 -m http.server -b 127.0.0.1 {PORT}"
    shop.shell(f"touch /run/noise; systemd-run -q --unit=taken --collect {taken}", host)
    noise = threading.Thread(target=lambda: shop.shell(f"python3 -c '{NOISE}'", host, check=False))
    noise.start()
    time.sleep(1)
    try:
        for number in range(2):
            text = f"server {{ listen 127.0.0.1:8098; return 200 {number}; }}\n"
            answer = configure(host, text)
            assert answer.get("action") == "reloaded", answer
            assert served(shop, host, 8098) == str(number)
        refused = configure(host, f"server {{ listen 127.0.0.1:{PORT}; }}\n", timeout_seconds=4)
        assert str(refused.get("msg")).startswith(
            f"nginx refuses the reload: bind() to 127.0.0.1:{PORT} failed (98: Address already in"
        ), refused
        assert served(shop, host, 8098) == "1"
    finally:
        shop.shell("rm /run/noise; systemctl stop taken", host)
        configure(host, "")
        noise.join()


def test_nginx_may_do_little_and_does_all_it_has_to(shop: Shop, host: str) -> None:
    score = shop.shell("systemd-analyze security nginx.service --no-pager | tail -n 1", host)
    assert float(re.findall(r"level for nginx\.service: ([0-9.]+)", score)[0]) <= 3.0, score
    told = shop.shell(
        f"""set -e
master() {{ cat /run/nginx.pid; }}
ask() {{ curl -sko /dev/null --max-time 3 -w '%{{http_code}} ' \\
 --connect-to ::127.0.0.1: https://{DOMAIN}/healthz; }}
grep -E 'NoNewPrivs|Seccomp:' /proc/$(master)/status | tr -s '\\t\\n' ' '; ask
# As logrotate does it, and once more for a log of its own making.
for turn in 1 2; do mv /var/log/nginx/shop.log /var/log/nginx/shop.log.turn
test $turn = 2 || install -m 640 -o www-data -g adm /dev/null /var/log/nginx/shop.log
kill -USR1 $(master); sleep 0.5; ask; done
test -s /var/log/nginx/shop.log; rm /var/log/nginx/shop.log.turn
# A renewed certificate: files that root writes, and a reload.
cd /etc/shop/tls; cp -a fullchain.pem renewed.pem; mv renewed.pem fullchain.pem
systemctl reload nginx; sleep 0.5; ask
# An update of the package replaces the running program.
before=$(master); /etc/init.d/nginx upgrade >/dev/null; sleep 1.5; test $before != $(master); ask
systemctl is-active nginx""",
        host,
    )
    words = told.split()
    assert words[:4] == ["NoNewPrivs:", "1", "Seccomp:", "2"], told
    assert [word for word in words if word in ("200", "000", "502")] == ["200"] * 5, told
    assert words[-1] == "active", told


def test_a_sandbox_that_would_stop_a_site_of_others_is_refused(shop: Shop, host: str) -> None:
    """The next restart would end in `Read-only file system`, for every site of the host."""
    unit = "/etc/systemd/system/nginx.service.d/trial.conf"
    site = "server { listen 127.0.0.1:8098; access_log /home/others/access.log; }\n"
    shop.shell("mkdir -p /home/others", host)
    try:
        answer = configure(host, site, unit_files={unit: "[Service]\nProtectHome=read-only\n"})
        assert answer.get("action") is None, answer
        assert "/home/others/access.log" in str(answer["msg"])
        assert "_sandbox_writable_paths" in str(answer["msg"])
        assert shop.shell(f"ls {SITE} {unit} 2>/dev/null; true", host) == ""
    finally:
        shop.shell("rm -rf /home/others", host)
