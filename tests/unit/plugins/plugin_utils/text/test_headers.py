"""The header by which the next run knows a file as its own."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.headers import with_header


def test_file_of_a_template_of_ones_own_gets_a_header() -> None:
    text = with_header("server { }\n", "The site shop")

    assert text == (
        "# The site shop. Written by asgi.fleet; changes here are lost at its next run.\n"
        "server { }\n"
    )
    assert with_header(text, "The site shop") == text


@pytest.mark.parametrize("writer", ["asgi.fleet", "the role nginx_site"])
def test_header_is_there_once(writer: str) -> None:
    text = f"# Written by {writer}; changes\n"

    assert with_header(text, "The site shop") == text
