"""What is measured: kinds of requests, and who answers them."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024

#: Ports of loopback: the server that is measured, and the guides' nginx in front of it.
SERVER_PORT = 18020
GUIDES_PORT = 18443
#: The first port of the copies of this project's nginx, of which each has two.
COPIES_PORT = 18500

#: Workers of the guides' commands.
WORKERS = 4


@dataclass(frozen=True)
class Kind:
    """One kind of request to the sample application.

    Attributes:
        name: Its key in the results.
        path: What is asked for.
        body: Bytes of the body of a POST; 0 for a GET.
        connections: How many connections ask, each again as soon as it has its answer.
        websocket: Whether it is a message on a WebSocket, sent again as soon as it comes back.
        times: How much longer than others it is measured.
    """

    name: str
    path: str
    body: int = 0
    connections: int = 64
    websocket: bool = False
    times: int = 1


#: `blocking` is a plain `def` that reads SQLite in a thread; `waiting` awaits 50 ms.
KINDS = (
    Kind("json", "/", times=3),
    Kind("64k", "/download"),
    Kind("blocking", "/notes"),
    Kind("waiting", "/wait", connections=128),
    Kind("websocket", "/ws", websocket=True),
    Kind("upload", "/upload", body=64 * KIB),
)

OURS = "asgi.fleet"
DIRECT = "asgi.fleet, its workers asked directly"
#: The row that the others are compared with.
GUIDE = "uvicorn --workers 4"


@dataclass(frozen=True)
class Contender:
    """One way to serve the application.

    Attributes:
        name: Its name in the results, for a guide's the command as it is typed.
        command: Its command line, the first word a program of the virtual environment, with
            `{cores}` for 2n+1; empty for what is deployed already.
        direct: Whether it is asked without nginx and TLS.
    """

    name: str
    command: tuple[str, ...] = ()
    direct: bool = False

    def line(self, cores: int) -> list[str]:
        """Return the command line on a host of so many cores."""
        return [word.format(cores=2 * cores + 1) for word in self.command]

    def workers(self, cores: int) -> int:
        """Return how many workers its command line asks for; 0 if it does not say."""
        words = self.line(cores)
        counts = (words[n + 1] for n, word in enumerate(words) if word in ("--workers", "-w"))
        return int(next(counts, "0"))


_GUNICORN = ("gunicorn", "-k", "uvicorn_worker.UvicornWorker", "main:app")
_BIND = ("--bind", f"127.0.0.1:{SERVER_PORT}")
_HOST = ("--host", "127.0.0.1", "--port", str(SERVER_PORT))

#: `SETTINGS` stands for a copy of the live slot's gunicorn.conf.py.
SETTINGS = "SETTINGS"
CONTENDERS = (
    Contender(OURS),
    Contender(DIRECT, ("gunicorn", "--config", SETTINGS, *_BIND), direct=True),
    Contender(GUIDE, ("uvicorn", "main:app", "--workers", "4", *_HOST)),
    Contender("gunicorn -k uvicorn_worker.UvicornWorker -w 4", (*_GUNICORN, "-w", "4", *_BIND)),
    Contender(
        "gunicorn -k uvicorn_worker.UvicornWorker -w 2n+1",
        (*_GUNICORN, "-w", "{cores}", *_BIND),
    ),
    Contender("gunicorn -k asgi -w 4", ("gunicorn", "-k", "asgi", "main:app", "-w", "4", *_BIND)),
    Contender("fastapi run --workers 4", ("fastapi", "run", "--workers", "4", *_HOST)),
    Contender("hypercorn -w 4", ("hypercorn", "main:app", "-w", "4", *_BIND)),
    Contender(
        "granian --interface asgi --workers 4",
        ("granian", "--interface", "asgi", "main:app", "--workers", "4", *_HOST),
    ),
)
