"""What is told of an answer on the health path that no waiting makes right."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.slots import health_advice
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health, Report
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health_advice import advice

Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Return what is told of an application that answers these paths with 200."""
    answers: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write((body or "").encode())

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_arguments: object) -> None:
            pass

    slot = Application("shop", root=str(tmp_path)).slot("blue")
    Path(slot.socket).parent.mkdir(parents=True)
    with socketserver.ThreadingUnixStreamServer(slot.socket, Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def run(status: int, answer: str = "", path: str = "/health", **paths: str) -> str:
            answers.update({f"/{name}": body for name, body in paths.items()})
            health = Health(path, "shop.example.com", 60)
            return advice(slot, health, Report(status, answer))

        yield run
        server.shutdown()


def test_missing_path_is_told_with_the_nearest(told: Told) -> None:
    assert told(404, '{"detail":"Not Found"}', healthz="ok") == (
        'answers GET /health with Host: shop.example.com with 404 {"detail":"Not Found"}; '
        "expected 200; set app_health_path: /healthz, which it answers with 200"
    )


def test_path_of_the_description_counts_before_the_usual_ones(told: Told) -> None:
    paths: dict[str, object] = {
        "/heath": {"get": {}},
        "/items/{id}": {"get": {}},
        "/utils/health-check/": {},
    }
    described = json.dumps({"openapi": "3.1.0", "paths": paths})
    files = {"api/v1/openapi.json": described, "utils/health-check/": "true", "": "home"}
    assert "set app_health_path: /utils/health-check/, which" in told(404, **files)
    # One that is named but does not answer is not suggested.
    assert "set app_health_path: /heath, which" in told(405, heath="ok")


def test_missing_path_without_a_better_one_is_told_without(told: Told) -> None:
    assert told(410).endswith(
        "expected 200; set app_health_path to a path that it answers with 200"
    )


def test_search_for_a_path_ends_in_time(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_advice, "SECONDS", 0.0)
    assert told(404, healthz="ok").endswith("to a path that it answers with 200")


@pytest.mark.parametrize(
    ("status", "answer", "todo"),
    [
        (
            400,
            "Invalid host header",
            "if it checks the Host header (ALLOWED_HOSTS, TrustedHostMiddleware), let it accept "
            "shop.example.com, or put the name that it accepts first in app_domain; otherwise set "
            "app_health_path to another path",
        ),
        (401, "", "set app_health_path to a path that it answers without credentials"),
        (403, "", "set app_health_path to a path that it answers without credentials"),
        (204, "", "let it answer 200, or set app_health_path to another path"),
        (307, "to http://shop.example.com/health/", "set app_health_path: /health/"),
        (301, "to https://shop.example.com/health", "let it trust that header (in Django: "),
        (302, "to /login?next=/health", "set app_health_path to a path that it answers itself"),
    ],
)
def test_other_answers_are_told_with_what_to_do(
    told: Told, status: int, answer: str, todo: str
) -> None:
    said = told(status, answer)
    assert f"with {status} {answer}".rstrip() + "; expected 200; " in said
    assert todo in said
