"""A host that reaches nothing, and what a test opens for it: an index, or a proxy, on this machine.

    index = Index(wheels(lock), authority.context(address), "ci:s3cret", address)
    with cut(shut), index.serving() as port:  # SSH comes from this machine, over the bridge
        ...

What is served is on the address of the hosts' bridge, and ends with the test.
"""

from __future__ import annotations

import base64
import contextlib
import html
import re
import select
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from events import ROOT
from odd import Odd

#: Wheels that this machine has downloaded, for all sessions.
WHEELS = ROOT / ".cache" / "wheels"
LOCKS = ROOT / "roles" / "python_release" / "files"
#: Where a host keeps its routes while they are cut.
_KEPT = "/run/odd-routes"
_KEPT_RESOLVER = "/run/odd-resolv.conf"


def bridge(odd: Odd) -> str:
    """Return this machine's address on the bridge of the hosts."""
    return odd.shell(
        f"(cat {_KEPT} 2>/dev/null; ip -4 route show default)"
        " | sed -n 's/.*via \\([0-9.]*\\).*/\\1/p' | head -1"
    )


@contextlib.contextmanager
def cut(odd: Odd) -> Iterator[None]:
    """Take the host's way out, and give it back at the end."""
    open_again(odd)
    # Names as well: the resolver of the bridge would ask others.
    odd.shell(
        f"cp --preserve /etc/resolv.conf {_KEPT_RESOLVER} && : >/etc/resolv.conf"
        f" && ip -4 route show default >{_KEPT} && ip -4 route flush default"
        " && { ip -6 route flush default 2>/dev/null; true; }"
    )
    try:
        yield
    finally:
        open_again(odd)


def open_again(odd: Odd) -> None:
    """Give the host its way out again, however often that is asked for."""
    # In place: in a container the file is a mount.
    odd.shell(
        f"[ ! -e {_KEPT} ] || {{ ip -4 route replace $(head -1 {_KEPT}) && rm {_KEPT}; }}"
        f" && {{ [ ! -e {_KEPT_RESOLVER} ]"
        f" || {{ cat {_KEPT_RESOLVER} >/etc/resolv.conf && rm {_KEPT_RESOLVER}; }}; }}"
    )


def wheels(*requirements: Path, python: str = "3.13") -> Path:
    """Return a folder with the wheels that lock files name, for the interpreter of a host."""
    folder = WHEELS / python
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "complete"
    wanted = "\n".join(path.read_text(encoding="utf-8") for path in requirements)
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return folder
    for path in requirements:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", f"--python-version={python}", "--require-hashes"]
        command += ["--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64"]
        command += ["--dest", str(folder), "--requirement", str(path)]
        subprocess.run(command, check=True)
    mark.write_text(wanted, encoding="utf-8")
    return folder


@dataclass
class Authority:
    """A certificate authority of a company, in a folder."""

    folder: Path

    def __post_init__(self) -> None:
        """Make its key and certificate."""
        self._openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=Authority of the tests", "-keyout", "ca.key", "-out", "ca.pem"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    @property
    def pem(self) -> str:
        """Its certificate."""
        return (self.folder / "ca.pem").read_text(encoding="utf-8")

    def context(self, *names: str) -> ssl.SSLContext:
        """Return what a server needs that has a certificate for these names and addresses."""
        listed = ",".join(f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names)
        (self.folder / "more").write_text(f"subjectAltName={listed}\n", encoding="utf-8")
        self._openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=index"),
            *("-keyout", "index.key", "-out", "index.csr"),
        )
        self._openssl(
            *("x509", "-req", "-in", "index.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", "more", "-out", "index.pem"),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "index.pem", self.folder / "index.key")
        return context

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


def _allowed(header: str | None, credentials: str) -> bool:
    wanted = base64.b64encode(credentials.encode()).decode()
    return not credentials or header == f"Basic {wanted}"


@dataclass
class Index:
    """A package index with credentials, over TLS: the wheels of a folder."""

    folder: Path
    context: ssl.SSLContext
    credentials: str
    address: str
    #: What it was asked for, and how it answered.
    asked: list[str] = field(default_factory=list)

    @cached_property
    def files(self) -> Mapping[str, Sequence[str]]:
        """The wheels of each project."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.folder.glob("*.whl")):
            project = re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
            found.setdefault(project, []).append(path.name)
        return found

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Serve it, and return the port."""
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                index.answer(self)

            def do_HEAD(self) -> None:
                index.answer(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        with ThreadingHTTPServer((self.address, 0), Handler) as server:
            server.daemon_threads = True
            server.socket = self.context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request as an index does: /simple/<project>/ or /files/<wheel>."""
        status, kind, body = self._found(request)
        self.asked.append(f"{status} {request.path}")
        request.send_response(status)
        if status == 401:
            request.send_header("WWW-Authenticate", 'Basic realm="index"')
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)

    def _found(self, request: BaseHTTPRequestHandler) -> tuple[int, str, bytes]:
        _root, area, name, *_rest = [*request.path.split("/"), "", ""]
        if not _allowed(request.headers.get("Authorization"), self.credentials):
            return 401, "text/plain", b"who are you?"
        if area == "simple" and name in self.files:
            links = "".join(
                f'<a href="/files/{html.escape(file)}">{html.escape(file)}</a>\n'
                for file in self.files[name]
            )
            return 200, "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        path = self.folder / name
        if area == "files" and name.endswith(".whl") and path.is_file():
            return 200, "application/octet-stream", path.read_bytes()
        return 404, "text/plain", b"not here"


@dataclass
class Proxy:
    """A proxy with credentials, which alone knows where the names are."""

    address: str
    credentials: str
    #: Names, and the ports on this machine's bridge to which they lead.
    names: Mapping[str, int]
    #: What it was asked for, and how it answered.
    asked: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Serve it, and return the port."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            # git first asks without credentials, and again on the same connection.
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                proxy.connect(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        with Server((self.address, 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()

    def connect(self, request: BaseHTTPRequestHandler) -> None:
        """Carry a connection to a name that this proxy knows."""
        name = request.path.partition(":")[0]
        if not _allowed(request.headers.get("Proxy-Authorization"), self.credentials):
            status = 407
        else:
            status = 200 if name in self.names else 403
        self.asked.append(f"{status} {request.path}")
        if status != 200:
            request.send_response(status)
            if status == 407:
                request.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        with socket.create_connection((self.address, self.names[name])) as far:
            request.send_response(200, "Connection established")
            request.end_headers()
            ends = {request.connection: far, far: request.connection}
            while True:
                for one in select.select(list(ends), [], [], 60)[0] or [None]:
                    data = one.recv(65536) if one else b""
                    if not (one and data):
                        request.close_connection = True
                        return
                    ends[one].sendall(data)
