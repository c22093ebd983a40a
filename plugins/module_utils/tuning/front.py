"""An nginx of the measurement's own, on loopback, in front of its slot: what visitors go through.

The load tool speaks TCP, and the slot's socket is a unix one. The host's own nginx is not touched:
its configuration, its log and its connections are the visitors'.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import (
    Confinement,
    arguments,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import (
    LOCALHOST,
    Sandbox,
)
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import TuneSlot

PROGRAM = "/usr/sbin/nginx"
#: An account that systemd makes for as long as it is needed (DynamicUser=).
USER = "asgi-fleet-tune"
#: Seconds that nginx may take to listen.
START_SECONDS = 10.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Front:
    """What differs from one application to the next.

    Attributes:
        group: The group that may open the slot's socket.
        root_path: What visitors' paths begin with, and the application's do not.
        keepalive: Idle connections that each of nginx's processes keeps to the slot.
    """

    group: str = "www-data"
    root_path: str = ""
    keepalive: int = 32


def config(slot: TuneSlot, front: Front, port: int) -> str:
    """Return nginx's configuration."""
    runtime = f"/run/{slot.part('front')}"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"    {kind}_temp_path {runtime}/{kind};" for kind in kinds)
    strip = f"            rewrite ^{front.root_path}(/.*)$ $1 break;\n" if front.root_path else ""
    return f"""\
# In front of {slot.unit} while it is measured. Written by asgi.fleet.
daemon off;
worker_processes auto;
pid {runtime}/nginx.pid;
error_log stderr warn;

events {{
    worker_connections 4096;
}}

http {{
    access_log off;
{temporary}
    client_max_body_size 0;
    keepalive_requests 1000000;

    upstream slot {{
        server unix:{slot.socket};
        keepalive {front.keepalive};
        keepalive_requests 1000000;
    }}

    server {{
        listen 127.0.0.1:{port};

        location / {{
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Prefix "{front.root_path}";
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Request-ID $request_id;
            proxy_buffering off;
{strip}            proxy_pass http://slot;
        }}
    }}
}}
"""


def start(slot: TuneSlot, front: Front) -> int:
    """Start nginx, and return its port on loopback.

    Raises:
        Refusal: It does not start; with its reason.
    """
    port = _free_port()
    unit = slot.part("front")
    path = os.path.join(slot.folder, "nginx.conf")
    write_file(path, config(slot, front, port), 0o644)
    confinement = Confinement(
        unit=unit,
        user=USER,
        folder="/",
        timeout=START_SECONDS,
        sandbox=Sandbox(network_allow=(LOCALHOST,)),
        properties=[
            ("DynamicUser", "yes"),
            # Groups of the host are nobody's in a user namespace.
            ("PrivateUsers", "no"),
            ("SupplementaryGroups", front.group),
            ("RuntimeDirectory", unit),
            ("LimitNOFILE", "65536"),
        ],
    )
    call = ["systemd-run", "--quiet", "--collect", f"--description={unit}, run by asgi.fleet"]
    call += arguments([PROGRAM, "-c", path], confinement, "-/dev/null")
    result = subprocess.run(call, capture_output=True, text=True, check=False)
    if result.returncode == 0 and _listens(port):
        return port
    raise Refusal(
        f"nginx did not start in front of the measured slot: {result.stderr.strip() or 'no answer'}"
        f"; journalctl --unit={unit}.service on the host has its reason"
    )


def stop(slot: TuneSlot) -> None:
    """Stop nginx, if it runs."""
    systemd.systemctl("stop", "--quiet", f"{slot.part('front')}.service", check=False)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _listens(port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return True
    return False
