"""Copies of this project's nginx, each with one thing changed: where the time goes.

They lead to the live slot, as the deployed one does. What is removed here for a measurement may be
a promise: docs/decisions.md, entry 66.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.serving.plan import COPIES_PORT

DEPLOYED = "/etc/nginx"


@dataclass(frozen=True)
class Variant:
    """One change of nginx's configuration.

    Attributes:
        name: What is changed.
        edits: Regular expressions and what replaces them; each must be found.
    """

    name: str
    edits: tuple[tuple[str, str], ...] = ()


_SITE_LOG = r"access_log (\S*/(?!access)[^/ ]+\.log) fleet_json;"
NGINX = (
    Variant("as deployed"),
    Variant("no access log", ((_SITE_LOG, "access_log off;"),)),
    Variant("access log: combined", ((_SITE_LOG, r"access_log \1;"),)),
    Variant(
        "access log: buffer=64k flush=1s",
        ((_SITE_LOG, r"access_log \1 fleet_json buffer=64k flush=1s;"),),
    ),
    Variant("no tests of the maintenance switch", ((r"(?m)^ *if \(-f [^}]+\}\n", ""),)),
    Variant(
        "no maintenance mode at all",
        ((r"(?ms)^    # Maintenance mode is on while.*?(?=^    location / \{)", ""),),
    ),
    Variant("proxy_buffering on", ((r"proxy_buffering off;", "proxy_buffering on;"),)),
    Variant("keepalive 128", ((r"keepalive 32;", "keepalive 128;"),)),
    Variant("no removed headers", ((r'(?m)^proxy_set_header \S+ "";\n', ""),)),
    Variant("no added headers", ((r"(?m)^ *add_header [^;]+;\n", ""),)),
    Variant("no limit_conn", ((r"limit_conn fleet_clients \d+;", ""),)),
    Variant("gzip off", ((r"gzip on;", "gzip off;"),)),
    Variant("pcre_jit on", ((r"(?m)^pid ", "pcre_jit on;\npid "),)),
    Variant("multi_accept on", ((r"(worker_connections \d+;)", r"\1 multi_accept on;"),)),
    Variant("reuseport", ((r"(listen 127\S+ ssl)(?= default_server)", r"\1 reuseport"),)),
    Variant("ssl_buffer_size 4k", ((r"(ssl_early_data off;)", r"\1 ssl_buffer_size 4k;"),)),
    Variant("open_file_cache", ((r"sendfile on;", "sendfile on; open_file_cache max=100;"),)),
    Variant("one nginx worker", ((r"worker_processes auto;", "worker_processes 1;"),)),
)


class VariantError(Exception):
    """An edit no longer finds what it changes."""


def edited(texts: dict[str, str], variant: Variant) -> dict[str, str]:
    """Return configuration files as a variant has them.

    Args:
        texts: The files by their paths.
        variant: What to change.

    Raises:
        VariantError: Nothing matches an edit.
    """
    for pattern, replacement in variant.edits:
        changed = {path: re.sub(pattern, replacement, text) for path, text in texts.items()}
        if changed == texts:
            raise VariantError(f"{variant.name}: nothing matches {pattern}")
        texts = changed
    return texts


def copied(text: str, folder: Path, port: int) -> str:
    """Return one file of the deployed configuration for a copy on ports of its own."""
    text = text.replace(f"{DEPLOYED}/", f"{folder}/").replace("/var/log/nginx/", f"{folder}/log-")
    text = text.replace("/run/nginx.pid", f"{folder}/nginx.pid")
    text = re.sub(r"(?m)^ *listen (\[::\]:|.*quic).*\n", "", text)
    text = re.sub(r"listen 443\b", f"listen 127.0.0.1:{port}", text)
    return re.sub(r"listen 80\b", f"listen 127.0.0.1:{port + 1}", text)


def make(folder: Path, number: int, variant: Variant) -> tuple[Path, int]:
    """Copy the deployed configuration of nginx with one change.

    Args:
        folder: The copy; replaced.
        number: Which of the copies it is.
        variant: The change.

    Returns:
        The main file, and the port of HTTPS.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DEPLOYED, folder)
    port = COPIES_PORT + 2 * number
    files = [path for path in folder.rglob("*") if path.is_file()]
    texts = {str(path): copied(path.read_text("utf-8"), folder, port) for path in files}
    for path, text in edited(texts, variant).items():
        Path(path).write_text(text, encoding="utf-8")
    return folder / "nginx.conf", port
