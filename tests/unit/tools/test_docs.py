"""The mark-up of Ansible's documentation, as the pages that tools/docs.py writes show it."""

from __future__ import annotations

import pytest

from tools.docs import MarkupError, markdown


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("Uses C(spoons) only.", "Uses `spoons` only."),
        ("C(a `b` c)", "``a `b` c``"),
        ("V(true) or E(HOME)", "`true` or `HOME`"),
        ("I(very) B(much)", "*very* **much**"),
        ("L(the manual,https://example.com/a)", "[the manual](https://example.com/a)"),
        ("U(https://example.com)", "<https://example.com>"),
        ("see M(asgi.fleet.slot)", "see `asgi.fleet.slot`"),
        ("see P(asgi.fleet.close_wave#filter)", "see `asgi.fleet.close_wave`"),
        ("O(soup_kind)", "`soup_kind`"),
        ("O(soup_kind=hot)", "`soup_kind=hot`"),
        (
            "goes back by O(asgi.fleet.rollout#module:state=reverted);",
            "goes back by `state=reverted` of `asgi.fleet.rollout`;",
        ),
        (
            "O(asgi.fleet.nginx_site#role:main:nginx_site_domains)",
            "`nginx_site_domains` of `asgi.fleet.nginx_site`",
        ),
        ("RV(asgi.fleet.slot#module:reasons[].kind)", "`reasons[].kind` of `asgi.fleet.slot`"),
        ("RV(commands)", "`commands`"),
        ("folded\n  text", "folded text"),
    ],
)
def test_markdown_shows_every_kind_of_markup(markup: str, shown: str) -> None:
    assert markdown(markup) == shown


def test_markdown_refuses_markup_that_it_cannot_read() -> None:
    with pytest.raises(MarkupError, match=r"^'see M\(slot\)' has .*; expected the mark-up of"):
        markdown("see M(slot)")
