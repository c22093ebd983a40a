"""The callable, its environment and its health path, as they reach a real host."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from events import Shop
from projects import Project

#: Every kind of byte that a value can hold; systemd reads the file that has them.
VALUES = {
    "EMPTY": "",
    "BLANKS": "  leading and trailing \t ",
    "LINES": "first\nsecond\r\nthird\n\n",
    "QUOTES": "\"double\" and 'single' and `id`",
    "DOLLARS": "$HOME ${HOME} $$ %n %% #no-comment",
    "BACKSLASHES": "C:\\new\\table\\",
    "CONTINUED": "first\\\nsecond",
    "CONTROL": "\x01\x07\x1b[1m\x7f",
    "UNICODE": "Grüße, 世界 🚀 \u2028 \u00a0 \ufeff",
    "ASSIGNMENT": 'x"\nOTHER="not a variable',
    "TEMPLATE": "{{ not a template }}",
}
APPLICATION = """
import json, os

PATHS = {"/environment": lambda name: json.dumps(dict(os.environ)), "/name": str, "/healthz": str}

def create_app(name="plain"):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return await send({"type": "lifespan.shutdown.complete"})
        answer = PATHS.get(scope["path"])
        status = 200 if answer else 404
        host = dict(scope["headers"]).get(b"host", b"").decode()
        if host != os.environ.get("ALLOWED", host):
            status, answer = 400, lambda name: "Invalid host header"
        body = answer(name).encode() if answer else b"Not Found"
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})
    return app
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maker")
    (folder / "shop").mkdir()
    (folder / "shop" / "main.py").write_text(APPLICATION)
    entrypoint = '[tool.fastapi]\nentrypoint = "shop.main:create_app"\n'
    (folder / "pyproject.toml").write_text(entrypoint)
    return folder


@pytest.fixture(scope="module")
def maker(shop: Shop) -> Project:
    return Project(shop, "maker")


def test_factory_of_the_entrypoint_serves_with_every_byte_of_its_environment(
    maker: Project, source: Path
) -> None:
    unsafe = {name: {"__ansible_unsafe": text} for name, text in VALUES.items()}
    half = len(VALUES) // 2
    printed = maker.release(
        source,
        app_env=dict(list(unsafe.items())[:half]) | {"LIST": ["a", {"b": 1}], "PORT": 8000},
        app_secrets=dict(list(unsafe.items())[half:]),
    )
    assert "shop.main:create_app is a factory: shop.main:create_app() is served" in " ".join(
        printed.split()
    )
    found = json.loads(maker.ask("/environment"))
    assert {name: found[name] for name in VALUES} == VALUES
    assert (found["LIST"], found["PORT"]) == ('["a",{"b":1}]', "8000")


def test_factory_gets_its_literals(maker: Project, source: Path) -> None:
    maker.release(source, "shop.main:create_app(name='$HOME \"100%\" \\\\ x')")
    assert maker.ask("/name") == '$HOME "100%" \\ x'


def test_missing_health_path_is_told_within_seconds_with_the_one_that_is_there(
    maker: Project, source: Path
) -> None:
    began = time.monotonic()
    maker.refuse(
        source,
        "shop.main:create_app()",
        "answers GET /health with Host: maker.example.com with 404 Not Found; expected 200; "
        "set app_health_path: /healthz, which it answers with 200",
        app_health_path="/health",
        app_health_timeout=300,
    )
    assert time.monotonic() - began < 100
    assert maker.ask("/name") == '$HOME "100%" \\ x'


def test_refused_host_is_told_within_seconds(maker: Project, source: Path) -> None:
    maker.refuse(
        source,
        "shop.main:create_app()",
        "answers GET /healthz with Host: maker.example.com with 400 Invalid host header",
        "ALLOWED_HOSTS",
        "put the name that it accepts first in app_domain",
        app_env={"ALLOWED": "www.example.com"},
        app_health_timeout=300,
    )
