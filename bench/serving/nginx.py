"""The guides' nginx, in front of the servers that are compared; and copies of this project's own.

Each is a process of its own, with its own configuration, beside the host's.
"""

from __future__ import annotations

from pathlib import Path

from bench.serving import units
from bench.serving.plan import GUIDES_PORT, SERVER_PORT

#: Debian's nginx.conf, with the site of Uvicorn's page on deployment. Two things are added, both to
#: the guides' advantage: TLS as the deployed site has it, and HTTP/1.1, without which nginx before
#: 1.29.7 passes no WebSocket on.
GUIDES = """\
user www-data;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;

events {{
    worker_connections 768;
}}

http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log {folder}/access.log;
    gzip on;

    map $http_upgrade $connection_upgrade {{
        default upgrade;
        '' close;
    }}

    upstream uvicorn {{
        server 127.0.0.1:{server};
    }}

    server {{
        listen 127.0.0.1:{port} ssl;
        server_name {domain};
        client_max_body_size 4G;
        ssl_certificate /etc/{app}/tls/fullchain.pem;
        ssl_certificate_key /etc/{app}/tls/privkey.pem;
        include /etc/nginx/snippets/tls.conf;

        location / {{
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_redirect off;
            proxy_buffering off;
            proxy_pass http://uvicorn;
        }}
    }}
}}
"""


def guides(folder: Path, app: str, domain: str) -> str:
    """Return the configuration of the guides' nginx.

    Args:
        folder: For its files.
        app: The deployed application, whose certificate it shows.
        domain: Its name.
    """
    return GUIDES.format(
        folder=folder, app=app, domain=domain, port=GUIDES_PORT, server=SERVER_PORT
    )


def start(unit: str, configuration: Path) -> None:
    """Start an nginx with this configuration, instead of what an interrupted run has left."""
    units.stop(unit)
    command = ["/usr/sbin/nginx", "-c", str(configuration), "-g", "daemon off;"]
    units.start(unit, command, ["LimitNOFILE=65536"])
