"""What the sandbox refused to the live slot is read from its journal."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.slots import refused as subject

from tests.unit.plugins.module_utils.slot_host import Host


def test_nothing_is_live(tmp_path: Path) -> None:
    assert subject.refused(Application("shop", str(tmp_path))) == []


def test_live_slots_journal_is_read_since_it_went_live(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, float]] = []

    def matching(unit: str, since: float, _pattern: str) -> list[str]:
        asked.append((unit, since))
        return ["OSError: [Errno 30] Read-only file system: 'uploads'"]

    monkeypatch.setattr(subject, "matching", matching)
    (one,) = subject.refused(live.application)
    assert one["seen"] == "ProtectSystem=strict refused a write to uploads"
    ((unit, since),) = asked
    assert unit == "shop@blue.service"
    assert since >= time.time() - subject.RECENT_SECONDS - 10
