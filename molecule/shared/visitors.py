"""Visitors of an application that has only a page of its own: tests.load needs the sample's."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from events import DOMAIN, Shop

#: Requests a second, one after the other.
RATE = 50


@dataclass
class Visitors:
    """What came of the requests: how many were answered with 2xx, and why the others were not."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)


@contextmanager
def visiting(shop: Shop, path: str) -> Iterator[Visitors]:
    """Request a path over HTTPS for the length of a `with` block."""
    seen, over = Visitors(), threading.Event()
    context = ssl.create_default_context(cafile=str(shop.folder / "ca.pem"))
    address = f"https://127.0.0.1:{shop.port}{path}"

    def visit() -> None:
        with httpx.Client(verify=context, headers={"Host": DOMAIN}, timeout=10) as client:
            while not over.wait(1 / RATE):
                try:
                    client.get(address, extensions={"sni_hostname": DOMAIN}).raise_for_status()
                    seen.answered += 1
                except httpx.HTTPError as error:
                    seen.failed.append(repr(error))

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
