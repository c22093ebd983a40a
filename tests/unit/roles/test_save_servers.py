"""What of haproxy's servers is kept for its next process."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[3] / "roles" / "haproxy_balancer" / "files" / "save_servers.py"
CONFIGURATION = """
frontend https
    bind :443
    use_backend shop if shop

backend shop
    # server commented 10.0.0.9:1
    default-server check
    server web1 10.0.0.1:443 ca-file /x
    server web2 [2001:db8::2]:8443 ca-file /x

backend blog
    server web1 10.0.0.1:9443
"""
HEAD = "1\n# be_id be_name srv_id srv_name ..."


@pytest.fixture
def saver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("save_servers", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line(backend: str, server: str, port: int, how: str = "8 1 1") -> str:
    return f"5 {backend} 1 {server} 10.0.0.1 2 {how} 60 15 3 4 6 0 0 0 - {port} - 1 0 - - 0"


def test_ports_are_read_by_backend_and_server(saver: ModuleType) -> None:
    assert saver.configured_ports(CONFIGURATION) == {
        ("shop", "web1"): "443",
        ("shop", "web2"): "8443",
        ("blog", "web1"): "9443",
    }


def test_next_process_gets_the_ports_of_its_configuration(saver: ModuleType) -> None:
    state = "\n".join([HEAD, line("shop", "web1", 443), line("shop", "web2", 443), ""])
    kept = saver.for_next_process(state, saver.configured_ports(CONFIGURATION))
    assert kept == "\n".join([HEAD, line("shop", "web1", 443), line("shop", "web2", 8443), ""])


def test_servers_that_are_gone_are_left_out(saver: ModuleType) -> None:
    state = "\n".join([HEAD, line("shop", "web9", 443), line("gone", "web1", 443), ""])
    assert saver.for_next_process(state, saver.configured_ports(CONFIGURATION)) == HEAD + "\n"


def test_failure_leaves_what_was_saved_before(
    saver: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "servers").write_text("before")
    monkeypatch.setattr(saver, "STATE", str(tmp_path / "servers"))
    monkeypatch.setattr(saver, "SOCKET", str(tmp_path / "nobody"))
    assert saver.main([]) == 1
    assert (tmp_path / "servers").read_text() == "before"


@pytest.mark.parametrize(
    ("stops", "how", "kept"),
    [
        (False, "0 5 100", "0 5 100"),
        (True, "0 5 100", "0 100 100"),
        # Drained: without a weight, also after a restart.
        (True, "8 0 100", "8 0 100"),
    ],
)
def test_weight_of_a_canary_outlives_a_reload_but_not_a_stop(
    saver: ModuleType, *, stops: bool, how: str, kept: str
) -> None:
    ports = saver.configured_ports(CONFIGURATION)
    state = "\n".join([HEAD, line("shop", "web1", 443, how)])
    expected = "\n".join([HEAD, line("shop", "web1", 443, kept), ""])
    assert saver.for_next_process(state, ports, stops=stops) == expected
