"""The forms of `app_module`, and what other forms probably mean."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.module_path import (
    ALLOWED,
    module_path,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import SET_PLAIN, Findings


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main:app",
        "shop.main:app",
        "shop.main:create_app()",
        'shop.main:create_app("prod", debug=False, limits=[1, None])',
    ],
)
def test_module_path_is_accepted(text: str) -> None:
    findings = Findings("app_module")
    assert module_path(text, findings) == text
    assert not findings.problems


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        ("main", "write app_module: main:app"),
        ("shop.main", "write app_module: shop.main:app"),
        ("shop.main.app", "write app_module: shop.main:app"),
        ("shop/main.py", "write app_module: shop.main:app"),
        ("./src/shop/main.py", "write app_module: shop.main:app"),
        ("shop/main.py:create_app()", "write app_module: shop.main:create_app()"),
        ("uvicorn shop.main:app --workers 4", "write app_module: shop.main:app"),
        ("uvicorn --factory shop.main:create_app", "write app_module: shop.main:create_app()"),
        ("main:api.app", "write app = api.app in main, and app_module: main:app"),
        ("main:make().app", SET_PLAIN),
        ("main:create_app(settings)", SET_PLAIN),
        ("main:create_app(**{'a': 1})", SET_PLAIN),
        ("main:create_app(\n)", SET_PLAIN),
        ("shop-api.main:app", SET_PLAIN),
        (4, SET_PLAIN),
        (None, SET_PLAIN),
    ],
)
def test_module_path_is_refused_with_what_it_probably_means(text: object, todo: str) -> None:
    findings = Findings("app_module")
    module_path(text, findings)
    [problem] = findings.problems
    assert f"; expected {ALLOWED}; " in problem.message
    assert problem.message.endswith(f"; {todo}")
