"""The end of a canary's lower share by the balancer itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[3] / "roles" / "haproxy_balancer" / "files" / "full_weights.py"
STATE = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
5 shop 1 web1 10.0.0.1 2 0 5 100
5 shop 2 web2 10.0.0.2 2 8 0 100
5 shop 3 web3 10.0.0.3 2 0 100 100
6 blog 1 web1 10.0.0.1 2 0 5 100
"""


@pytest.fixture
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("full_weights", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_servers_of_the_site_get_their_weight_unless_drained(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def ask(command: str) -> str:
        asked.append(command)
        return STATE if command.startswith("show") else "\n"

    monkeypatch.setattr(program, "ask", ask)
    assert program.main("shop") == 0
    assert asked == ["show servers state", "set server shop/web1 weight 100%"]
    told = capsys.readouterr().out
    assert told == "shop/web1: it gets its full share of the requests again\n"


def test_refusal_is_told(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "ask", lambda command: STATE if "show" in command else "No such")
    assert program.main("shop") == 1
    assert capsys.readouterr().out == "shop/web1: No such\n"
