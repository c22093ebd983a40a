"""What a refusal shows of a tool's output."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import (
    cache_of,
    shown_of,
)

INDEX = "https://index.example.com/simple"


@pytest.mark.parametrize(
    ("environment", "output", "shown"),
    [
        ({"UV_INDEX": INDEX}, f"cannot fetch {INDEX}/shop", f"  cannot fetch {INDEX}/shop\n"),
        ({"UV_INDEX": "https://ci:s3cret@h/simple"}, "401 for s3cret", "  401 for <UV_INDEX>\n"),
        (
            {"UV_INDEX": f"{INDEX} corp=https://ci:s3cret@h/simple"},
            f"{INDEX}, s3cret",
            f"  {INDEX}, <UV_INDEX>\n",
        ),
        ({"UV_INDEX_CORP_USERNAME": "t0ken"}, "t0ken", "  <UV_INDEX_CORP_USERNAME>\n"),
        ({"UV_INDEX_CORP_PASSWORD": "s3cret"}, "s3cret", "  <UV_INDEX_CORP_PASSWORD>\n"),
        ({"UV_HTTP_TIMEOUT": "3000"}, "timeout 3000", "  timeout 3000\n"),
    ],
    ids=["no credentials", "URL", "one of two URLs", "user name", "password", "no secret"],
)
def test_output_of_a_tool_is_shown_without_credentials(
    environment: dict[str, str], output: str, shown: str
) -> None:
    assert shown_of(output, environment) == shown


def test_output_of_uv_is_shown_without_the_middle_of_a_chain_of_causes() -> None:
    output = (
        "Using Python 3.13.5 environment at: /opt/shop/releases/1.0.0/.venv\n"
        "error: Request failed after 3 retries in 18.1s\n"
        f"  cause: Failed to fetch: {INDEX}/anyio/\n"
        "  cause: client error (Connect)\n"
        "  cause: dns error\n"
        "  cause: failed to lookup address information\n"
    )
    assert shown_of(output, {}) == (
        "  error: Request failed after 3 retries in 18.1s\n"
        f"    cause: Failed to fetch: {INDEX}/anyio/\n"
        "    cause: failed to lookup address information\n"
    )
    assert shown_of("error: a\n  cause: b\n  cause: c\n", {}) == (
        "  error: a\n    cause: b\n    cause: c\n"
    )


@pytest.mark.parametrize(
    ("flags", "kept"), [(0, True), (os.ST_NOSUID, True), (os.ST_NOEXEC | os.ST_NOSUID, False)]
)
def test_cache_is_where_programs_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int, *, kept: bool
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_flag=flags))
    release = SimpleNamespace(
        caches=str(tmp_path),
        builder="shop-build",
        inside=lambda *names: "/".join(["/opt/shop/releases/1", *names]),
    )
    cache = cache_of(cast("Recipe", release))
    assert cache == (f"{tmp_path}/shop-build" if kept else "/opt/shop/releases/1/.build/cache")
