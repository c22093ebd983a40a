"""The module that switches a site's maintenance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.modules import maintenance

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    site = tmp_path / "shop.conf"
    site.write_text(f"if (-f {tmp_path}/maintenance) {{")
    return {"path": f"{tmp_path}/maintenance", "site": str(site), "page": "<h1>Closed</h1>"}


def test_on_and_off_are_changes_once(run_module: Run, asked: dict[str, Any]) -> None:
    answers = [run_module(maintenance, **asked, enabled=on) for on in (True, True, False, False)]
    assert [answer["changed"] for answer in answers] == [True, False, True, False]
    assert answers[0]["state"].startswith("maintenance is on since 20")
    assert answers[-1]["state"] == "maintenance is off"
    assert answers[2]["diff"]["before"].startswith("maintenance is on")


def test_check_mode_says_it_and_touches_nothing(run_module: Run, asked: dict[str, Any]) -> None:
    answer = run_module(maintenance, **asked, enabled=True, _ansible_check_mode=True)
    assert answer["changed"]
    assert answer["state"].startswith("maintenance is on since 20")
    assert not Path(asked["path"]).exists()


def test_a_site_that_would_go_on_is_refused_in_check_mode_too(
    run_module: Run, asked: dict[str, Any]
) -> None:
    Path(asked["site"]).write_text("")
    answer = run_module(maintenance, **asked, enabled=True, _ansible_check_mode=True)
    assert answer["failed"]
    assert "nginx would go on serving everybody" in answer["msg"]


def test_off_needs_no_site(run_module: Run, asked: dict[str, Any]) -> None:
    run_module(maintenance, **asked, enabled=True)
    Path(asked["site"]).unlink()
    assert run_module(maintenance, **asked, enabled=False)["changed"]
