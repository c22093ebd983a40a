"""The events of a rollout, from its record (plugin_utils/report/record.py, schema 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import Event, completed

#: A rollout that was refused, or interrupted, has failed for who waits for it.
_EVENTS = {
    "succeeded": "end",
    "reverted": "reverted",
    "failed": "failed",
    "refused": "failed",
    "interrupted": "failed",
}


def rollout_events(
    record: Mapping[str, Any], beginning: bool = False, pages: Mapping[str, str] | None = None
) -> list[Event]:
    """Return what is to be told of a rollout: an event for each application.

    Args:
        record: The record; of a rollout that begins, as far as it is known.
        beginning: Whether it begins.
        pages: The path of the page of each application, where there is one.

    Raises:
        ValueError: The record has an outcome that no rollout has.
    """
    return [
        _event(record, app, known, beginning, pages or {}) for app, known in record["apps"].items()
    ]


def _event(
    record: Mapping[str, Any],
    app: str,
    known: Mapping[str, Any],
    beginning: bool,
    pages: Mapping[str, str],
) -> Event:
    outcome = known.get("outcome") or record.get("outcome")
    if not beginning and outcome not in _EVENTS:
        raise ValueError(f"outcome is {outcome}; expected {', '.join(_EVENTS)}")
    event = "begin" if beginning else _EVENTS[str(outcome)]
    detail: list[str] = []
    if event in ("failed", "reverted"):
        reason = known.get("reason") or record.get("reason") or ""
        detail = [*str(reason).splitlines(), *(f"next: {one}" for one in record.get("next") or [])]
    given = {
        "event": event,
        "kind": record.get("kind") or "",
        "id": record.get("id") or "",
        "app": app,
        "release": known.get("release") or "",
        "before": known.get("before") or "",
        "who": record.get("who") or "",
        "hosts": [host for wave in known.get("waves") or [] for host in wave],
        "at": record.get("began_at" if beginning else "ended_at") or 0.0,
        "detail": detail,
        "receipt": None if beginning else _receipt(record, app),
        "page": pages.get(app, ""),
    }
    return completed(given, at=0.0)


def _receipt(record: Mapping[str, Any], app: str) -> Any:  # noqa: ANN401 (JSON)
    """Return the receipt, if it is of this application alone."""
    return record.get("receipt") if list(record["apps"]) == [app] else None
