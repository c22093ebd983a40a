"""Runs the load generator against a server that a test brings along."""

import asyncio
import contextlib
import socket
import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

# `tests.load` is imported from the root of the repository, as `python -m tests.load` finds it.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.load.options import Options
from tests.load.run import run
from tests.unit.load.servers import Handler, Load, Reader, Tls, Writer

SECONDS = 0.5


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Serves connections with `handler`, loads them for a moment, and returns the JSON line."""

    async def scenario(
        handler: Handler, mix: str, server_tls: ssl.SSLContext | None, changes: dict[str, Any]
    ) -> dict[str, Any]:
        async def serve(reader: Reader, writer: Writer) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handler(reader, writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls)
        port = server.sockets[0].getsockname()[1]
        kinds = tuple(mix.split(","))
        options: dict[str, Any] = {
            "url": urlsplit(f"{'https' if server_tls else 'http'}://localhost:{port}"),
            "address": "127.0.0.1",
            "port": port,
            "mix": kinds,
            "connections": len(kinds),
            "seconds": SECONDS,
            "rate": 100.0,
            "timeout": 1.0,
            "events": tmp_path / "events.jsonl",
        }
        try:
            return await run(Options(**(options | changes)))
        finally:
            server.close()

    def start(
        handler: Handler,
        mix: str = "get",
        server_tls: ssl.SSLContext | None = None,
        **changes: object,
    ) -> dict[str, Any]:
        return asyncio.run(scenario(handler, mix, server_tls, changes))

    return start


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
