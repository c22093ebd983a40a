"""Releases of a drill: the source of the live one, with lines that do what they say."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.variants import (
    VARIANTS,
    VariantError,
    variant,
)

Application = Callable[..., Coroutine[Any, Any, None]]
APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""
FACTORY = APP + "\ndef create_app(name):\n    assert name == 'shop'\n    return app\n"


def archive(**files: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(text.encode())
            made.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()


def files(content: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as read:
        return {
            os.path.normpath(one.name): stream.read().decode()
            for one in read.getmembers()
            if (stream := read.extractfile(one))
        }


def ask(application: Application, type_: str) -> list[dict[str, Any]]:
    """Return what an application sends for one event."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application({"type": type_, "path": "/healthz"}, receive, send))
    return sent


def loaded(name: str, text: str = APP, callable_: str = "main:app") -> Application:
    """Return the application that a variant serves."""
    made = files(variant(archive(**{"main.py": text}), callable_, "", name, "5f3a-x"))
    names: dict[str, Any] = {}
    exec(made["main.py"], names)  # noqa: S102 (what was just made)
    application: Application = names["create_app"]("shop") if "(" in callable_ else names["app"]
    return application


def test_a_release_that_does_not_start_says_so() -> None:
    (answer,) = ask(loaded("bad_start"), "lifespan")
    assert answer["type"] == "lifespan.startup.failed"


def test_a_release_that_is_not_healthy_starts_and_answers_500() -> None:
    application = loaded("bad_health")
    assert ask(application, "lifespan") == [{"type": "lifespan.startup.complete"}]
    assert ask(application, "http")[0]["status"] == 500


def test_a_good_release_does_what_it_did() -> None:
    assert ask(loaded("good"), "http")[0]["status"] == 200


def test_a_factory_is_wrapped_as_well() -> None:
    application = loaded("bad_health", FACTORY, "main:create_app('shop')")
    assert ask(application, "http")[0]["status"] == 500


def test_a_canary_ends_once_it_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setenv("FLEET_APP", "shop")
    monkeypatch.setenv("FLEET_SLOT", "blue")
    monkeypatch.setattr(os, "readlink", lambda _path: "/run/shop/green.sock")
    assert ask(loaded("bad_canary"), "http")[0]["status"] == 200
    assert ended == []
    # A worker that is started afterwards ends at once.
    monkeypatch.setattr(os, "readlink", lambda _path: "/run/shop/blue.sock")
    loaded("bad_canary")
    assert ended[:1] == [1]


@pytest.mark.parametrize("name", VARIANTS)
def test_each_drill_makes_another_release(name: str) -> None:
    content = archive(**{"main.py": APP, "other.py": ""})
    first, second = (variant(content, "main:app", "", name, drill) for drill in ("a", "b"))
    assert files(first) != files(second)
    assert files(first)["other.py"] == ""


@pytest.mark.parametrize(
    ("names", "callable_", "project", "changed"),
    [
        (["shop/main.py", "main.py"], "main:app", "", "main.py"),
        (["src/shop/main.py"], "shop.main:app", "", "src/shop/main.py"),
        (["shop/__init__.py"], "shop:app", "", "shop/__init__.py"),
        (
            ["main.py", "services/shop/main.py"],
            "main:app",
            "services/shop",
            "services/shop/main.py",
        ),
    ],
)
def test_the_file_of_the_callable_is_found(
    names: list[str], callable_: str, project: str, changed: str
) -> None:
    content = archive(**dict.fromkeys(names, "app = None\n"))
    made = files(variant(content, callable_, project, "good", "5f3a"))
    assert [name for name, text in made.items() if "asgi.fleet" in text] == [changed]


def test_a_source_without_that_file_is_told() -> None:
    with pytest.raises(VariantError, match="module shop is not in its source"):
        variant(archive(**{"main.py": APP}), "shop:app", "", "good", "5f3a")
