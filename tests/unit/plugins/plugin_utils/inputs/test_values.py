"""Helpers for values that more than one reader needs."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import request_name


@pytest.mark.parametrize(
    ("domains", "name"),
    [
        (["www.example.com", "example.com"], "www.example.com"),
        (["*.example.com", "example.com"], "example.com"),
        (["*.example.com", "*.example.org", "example.org"], "example.org"),
        (["*.example.com"], "www.example.com"),
        (["*.shop.example.com", "*.example.com"], "www.shop.example.com"),
        ([], ""),
    ],
    ids=["first", "wildcard first", "wildcards first", "wildcard alone", "wildcards alone", "none"],
)
def test_request_name_is_never_a_wildcard(domains: list[str], name: str) -> None:
    assert request_name(domains) == name
