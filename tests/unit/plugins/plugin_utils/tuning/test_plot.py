"""The plot: XML that a browser can draw, with every number that counts and no other."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.plot import HEIGHT, WIDTH, plot
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.recommendation import (
    Recommendation,
    Result,
)

SVG = "{http://www.w3.org/2000/svg}"
FOUND = [Result(1, 1000, 60, 120), Result(2, 1900, 31, 80), Result(3, problem="it failed")]
ADVICE = Recommendation(2, "2 workers: <because>", 2, 0.03)


@pytest.mark.parametrize(
    ("found", "advice", "dots"),
    [
        (FOUND, ADVICE, 4),
        (FOUND[:1], replace(ADVICE, workers=1), 2),
        (FOUND[2:], None, 0),
        ([], None, 0),
    ],
)
def test_plot_draws_what_counts(
    found: list[Result], advice: Recommendation | None, dots: int
) -> None:
    drawn = ElementTree.fromstring(plot("shop <1.0> on web1", found, advice))  # noqa: S314 (ours)
    assert drawn.findtext(f"{SVG}title") == "shop <1.0> on web1"
    circles = drawn.findall(f"{SVG}circle")
    assert len(circles) == dots
    assert all(0 < float(circle.get("cx", "")) < WIDTH for circle in circles)
    assert all(0 < float(circle.get("cy", "")) < HEIGHT for circle in circles)
    assert bool(drawn.findall(f"{SVG}line[@stroke-dasharray]")) == (advice is not None)


def test_more_requests_are_drawn_higher_and_more_workers_further_right() -> None:
    drawn = ElementTree.fromstring(plot("shop", FOUND, ADVICE))  # noqa: S314 (ours)
    first, second = drawn.findall(f"{SVG}circle")[:2]
    assert float(first.get("cx", "")) < float(second.get("cx", ""))
    assert float(first.get("cy", "")) > float(second.get("cy", ""))
