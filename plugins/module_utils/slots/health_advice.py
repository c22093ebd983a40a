"""What to do about an answer on the health path that no waiting makes right."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Iterator

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Slot
from ansible_collections.asgi.fleet.plugins.module_utils.host.exchange import Unanswered, get_unix
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health, Report

#: Seconds that looking for a better path may take.
SECONDS = 3.0
#: Paths that are asked, the likeliest first.
USUAL = (
    *("/healthz", "/health", "/health/", "/livez", "/readyz", "/live", "/ready", "/ping", "/up"),
    *("/status", "/api/health", "/api/healthz", "/api/v1/health", "/"),
)
#: Where frameworks describe their paths.
DESCRIPTIONS = ("/openapi.json", "/api/v1/openapi.json", "/api/openapi.json")

_PATH = re.compile(r'"(/[^"\\{}]{0,200})"\s*:\s*\{')
#: A path whose last part is about health.
_ABOUT_HEALTH = re.compile(r"/[^/]*(health|ready|live|alive|ping|status|heartbeat)[^/]*/?$", re.I)


def advice(slot: Slot, health: Health, report: Report) -> str:
    """Return what was asked and answered, and what to change.

    Args:
        slot: The slot, which still runs.
        health: What is healthy.
        report: A worker's last answer.
    """
    asked = f"GET {health.path} with Host: {health.host}"
    answered = f"{report.status} {report.answer}".strip()
    return f"answers {asked} with {answered}; expected 200; {_todo(slot, health, report)}"


def _todo(slot: Slot, health: Health, report: Report) -> str:
    variable = f"{health.prefix}health_path"
    status = report.status
    if status in (400, 421):
        hosts = "app_domain" if health.prefix == "app_" else f"{health.prefix}health_host"
        return (
            f"if it checks the Host header (ALLOWED_HOSTS, TrustedHostMiddleware), let it accept "
            f"{health.host}, or put the name that it accepts first in {hosts}; otherwise set "
            f"{variable} to another path"
        )
    if status in (401, 403, 407):
        return f"set {variable} to a path that it answers without credentials"
    if 300 <= status < 400:
        return _redirected(health, report.answer.removeprefix("to "), variable)
    if status < 300:
        return f"let it answer 200, or set {variable} to another path"
    near = nearest_path(slot, health)
    told = f"set {variable} to a path that it answers with 200"
    return f"set {variable}: {near}, which it answers with 200" if near else told


def _redirected(health: Health, location: str, variable: str) -> str:
    path = re.sub(r"^https?://[^/?#]*", "", location).partition("?")[0].partition("#")[0]
    if path == health.path:
        return (
            "it was asked with X-Forwarded-Proto: https, as nginx asks: let it trust that header "
            "(in Django: SECURE_PROXY_SSL_HEADER)"
        )
    if path.strip("/") == health.path.strip("/"):
        return f"set {variable}: {path}"
    return f"set {variable} to a path that it answers itself, without credentials"


def nearest_path(slot: Slot, health: Health) -> str:
    """Return a path that the application answers with 200; empty if none is found in time."""
    deadline = time.monotonic() + SECONDS

    def answer(path: str) -> tuple[int, str]:
        left = deadline - time.monotonic()
        if left <= 0:
            return 0, ""
        try:
            return get_unix(slot.socket, path, health.host, left)
        except Unanswered:
            return 0, ""

    described: list[str] = []
    for place in DESCRIPTIONS:
        status, body = answer(place)
        if status == 200:
            described = _PATH.findall(body)
            break
    candidates = dict.fromkeys(_candidates(health.path, described))
    return next((path for path in candidates if path != health.path and answer(path)[0] == 200), "")


def _candidates(path: str, described: list[str]) -> Iterator[str]:
    yield path.rstrip("/") or "/"
    yield f"{path.rstrip('/')}/"
    yield from difflib.get_close_matches(path, described, n=3, cutoff=0.6)
    yield from [one for one in described if _ABOUT_HEALTH.search(one)][:5]
    yield from USUAL
