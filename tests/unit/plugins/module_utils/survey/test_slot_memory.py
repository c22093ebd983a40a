"""What a slot holds of the host's memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.survey import slot_memory
from ansible_collections.asgi.fleet.plugins.module_utils.survey.slot_memory import (
    slot_memory as look,
)


def test_memory_of_the_live_slot_is_that_of_its_workers_and_their_master(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Application("shop", str(tmp_path))
    master = {"pid": "0"}
    monkeypatch.setattr(slot_memory, "show", lambda _: {"MainPID": master["pid"]})
    monkeypatch.setattr(slot_memory, "workers_of", lambda pid: [8, 9] if pid == 7 else [])
    monkeypatch.setattr(slot_memory, "memory_mb", {7: 13, 8: 30, 9: 31}.__getitem__)
    assert look(shop) is None
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    link.symlink_to(shop.slot("blue").socket)
    assert look(shop) is None
    master["pid"] = "7"
    assert look(shop) == {"workers": 2, "largest_mb": 31, "slot_mb": 74}
