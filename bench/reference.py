"""The usual ways of a release, on one host beside this project's own, for bench/releases.py.

Runs on the host as root, with its Python and nothing else. It serves the live release once more, by
Gunicorn with its stock Uvicorn worker on TCP ports of loopback, behind server names of its own in
the same nginx:

- `restart`: `systemctl restart` of the one service.
- `reload`: a second service on another port; once it answers, nginx gets the new address and is
  reloaded, and the first service is stopped once the old workers of nginx have gone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

NAME = "fleet-bench"
#: Server names, and the ports that serve them.
RESTART_HOST, RESTART_PORT = "restart.localhost", 18001
RELOAD_HOST, RELOAD_PORTS = "reload.localhost", (18011, 18012)

UNIT = Path(f"/etc/systemd/system/{NAME}@.service")
SITE = Path(f"/etc/nginx/sites-enabled/{NAME}.conf")
FOLDER = Path(f"/etc/{NAME}")
CERTIFICATE, KEY = FOLDER / "certificate.pem", FOLDER / "key.pem"
RESULT = FOLDER / "result.json"

#: Seconds that a service may take until it answers.
START_SECONDS = 60.0
#: Seconds between two releases.
PAUSE_SECONDS = 2.0
#: Seconds that old workers of nginx are waited for, at most, before the old service is stopped.
#: Those of nginx before 1.27.1 may keep HTTP/2 connections, and the old upstream, for longer.
OLD_WORKERS_SECONDS = 15.0

UNIT_TEXT = """\
[Unit]
Description=Reference of bench/releases.py on port %i

[Service]
Type=notify
User={user}
WorkingDirectory={release}/src
Environment=FLEET_APP={name} FLEET_SLOT=%i PYTHONDONTWRITEBYTECODE=1
EnvironmentFile={folder}/%i.env
ExecStart={release}/.venv/bin/gunicorn --workers {workers} --no-control-socket \
--worker-class uvicorn_worker.UvicornWorker --bind 127.0.0.1:%i {module}
KillMode=mixed
TimeoutStopSec=30
"""

SITE_TEXT = """\
upstream {name}-restart {{ server 127.0.0.1:{restart_port}; }}
upstream {name}-reload {{ server 127.0.0.1:{reload_port}; }}

server {{
    listen 443 ssl{http2_option};
{http2_line}    server_name {restart_host};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    include /etc/nginx/snippets/tls.conf;
    access_log off;
    location / {{ include /etc/nginx/snippets/proxy.conf; proxy_pass http://{name}-restart; }}
}}

server {{
    listen 443 ssl{http2_option};
{http2_line}    server_name {reload_host};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    include /etc/nginx/snippets/tls.conf;
    access_log off;
    location / {{ include /etc/nginx/snippets/proxy.conf; proxy_pass http://{name}-reload; }}
}}
"""


def run(*command: str) -> str:
    """Runs a command and returns its output; raises `CalledProcessError` when it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def prepare(app: str) -> None:
    """Serves the live release in the usual ways.

    Args:
        app: The deployed application, `app_name`.
    """
    slot = Path(f"/var/lib/{app}/live.sock").readlink().stem
    unit = Path(f"/etc/systemd/system/{app}@{slot}.service").read_text(encoding="utf-8")
    settings = Path(f"/etc/{app}/{slot}/gunicorn.conf.py").read_text(encoding="utf-8")
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    UNIT.write_text(
        UNIT_TEXT.format(
            name=NAME,
            folder=FOLDER,
            release=Path(f"/opt/{app}/slots/{slot}").resolve(),
            user=value(unit, "User="),
            module=json.loads(value(settings, "wsgi_app = ")),
            # As many as the live slot has.
            workers=value(settings, "workers = "),
        ),
        encoding="utf-8",
    )
    make_certificate()
    run("systemctl", "daemon-reload")
    for port in (RESTART_PORT, RELOAD_PORTS[0]):
        start(port, "prepared", "start")
    point_nginx_at(RELOAD_PORTS[0])


def value(text: str, prefix: str) -> str:
    """Returns what follows `prefix` on the first line that starts with it."""
    return next(line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix))


def make_certificate() -> None:
    """Makes one self-signed certificate for both server names."""
    run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-keyout", str(KEY)),
        *("-addext", f"subjectAltName=DNS:{RESTART_HOST},DNS:{RELOAD_HOST}"),
        *("-out", str(CERTIFICATE)),
    )


def start(port: int, release: str, verb: str) -> None:
    """Starts or restarts the service of a port and waits until it answers.

    Raises:
        TimeoutError: It does not.
    """
    (FOLDER / f"{port}.env").write_text(f"FLEET_RELEASE={release}\n", encoding="utf-8")
    run("systemctl", verb, f"{NAME}@{port}")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/whoami", timeout=5) as answer:
                if json.load(answer)["release"] == release:
                    return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{NAME}@{port} did not answer within {START_SECONDS:g} s; see its journal")


def point_nginx_at(port: int) -> None:
    """Gives nginx the address for `RELOAD_HOST`, and reloads it."""
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    numbers = tuple(int(part) for part in version.split("/")[1].split()[0].split("."))
    # `http2 on` came with 1.25.1, where it replaced the option of `listen`.
    directive = numbers >= (1, 25, 1)
    text = SITE_TEXT.format(
        name=NAME,
        restart_host=RESTART_HOST,
        restart_port=RESTART_PORT,
        reload_host=RELOAD_HOST,
        reload_port=port,
        certificate=CERTIFICATE,
        key=KEY,
        http2_option="" if directive else " http2",
        http2_line="    http2 on;\n" if directive else "",
    )
    new = FOLDER / "site.new"
    new.write_text(text, encoding="utf-8")
    new.replace(SITE)
    run("nginx", "-t")
    run("nginx", "-s", "reload")


def restart(number: int) -> None:
    """One release by `systemctl restart`."""
    start(RESTART_PORT, f"restart-{number}", "restart")


def reload(number: int) -> None:
    """One release by a new upstream and `nginx -s reload`."""
    new, old = RELOAD_PORTS[number % 2], RELOAD_PORTS[1 - number % 2]
    start(new, f"reload-{number}", "start")
    workers = nginx_workers()
    point_nginx_at(new)
    deadline = time.monotonic() + OLD_WORKERS_SECONDS
    while workers & nginx_workers() and time.monotonic() < deadline:
        time.sleep(0.2)
    run("systemctl", "stop", f"{NAME}@{old}")


def nginx_workers() -> set[str]:
    """Returns the process numbers of nginx's workers, those that are about to end as well."""
    master = Path("/run/nginx.pid").read_text(encoding="utf-8").strip()
    children = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="utf-8")
    return set(children.split())


def release(way: str, count: int, budget: float) -> None:
    """Makes `count` releases, or fewer when `budget` seconds are over; keeps how many."""
    began = time.monotonic()
    done = 0
    for number in range(1, count + 1):
        (restart if way == "restart" else reload)(number)
        done = number
        time.sleep(PAUSE_SECONDS)
        if time.monotonic() - began > budget:
            break
    RESULT.write_text(json.dumps({"releases": done}), encoding="utf-8")


def remove() -> None:
    """Removes all that `prepare` has made."""
    SITE.unlink(missing_ok=True)
    run("nginx", "-s", "reload")
    for port in (RESTART_PORT, *RELOAD_PORTS):
        subprocess.run(["systemctl", "stop", f"{NAME}@{port}"], capture_output=True, check=False)
    UNIT.unlink(missing_ok=True)
    run("systemctl", "daemon-reload")
    shutil.rmtree(FOLDER, ignore_errors=True)


def main() -> None:
    """Parses the command line and runs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("prepare").add_argument("app")
    for way in ("restart", "reload"):
        command = verbs.add_parser(way)
        command.add_argument("count", type=int)
        command.add_argument("budget", type=float)
    verbs.add_parser("remove")
    arguments = parser.parse_args()
    if arguments.verb == "prepare":
        prepare(arguments.app)
    elif arguments.verb == "remove":
        remove()
    else:
        release(arguments.verb, arguments.count, arguments.budget)


if __name__ == "__main__":
    main()
