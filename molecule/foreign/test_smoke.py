"""The host is ready: the sample application serves over HTTPS."""

from __future__ import annotations

from events import Shop


def test_sample_serves(shop: Shop) -> None:
    assert shop.ask("/healthz")["release"] == shop.live().split()[1]
