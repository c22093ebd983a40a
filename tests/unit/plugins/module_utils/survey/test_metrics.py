"""Which of an application's metrics do not answer, by real sockets and what systemd says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.exporters import EXPORTERS, HEADER
from ansible_collections.asgi.fleet.plugins.module_utils.survey.metrics import silent_metrics

SOCKET, SERVICE = "shop-metrics.socket", "shop-metrics.service"


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


class Exporter(BaseHTTPRequestHandler):
    """Of nginx, which it does not reach."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"# HELP x\nnginx_up 0\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def exporter() -> Iterator[str]:
    """The address of one that answers."""
    server = HTTPServer(("127.0.0.1", 0), Exporter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def units(monkeypatch: pytest.MonkeyPatch, **states: str) -> None:
    """Let systemd say so of units; what is not named is active."""

    def show_all(names: list[str]) -> dict[str, dict[str, str]]:
        return {
            name: {"ActiveState": states.get(name.rpartition(".")[2], "active")} for name in names
        }

    monkeypatch.setattr(systemd, "show_all", show_all)
    monkeypatch.setattr(systemd, "show", lambda name: show_all([name])[name])
    on = [] if states.get("boot") == "disabled" else [SOCKET]
    monkeypatch.setattr(systemd, "enabled", lambda _names: set(on))


def write(shop: Application, exporters: object) -> None:
    path = Path(shop.path("etc", "shop", "metrics.json"))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"name": "shop", "exporters": exporters}))


def ours(shop: Application, name: str) -> None:
    path = Path(shop.path(EXPORTERS[name].drop_in.lstrip("/")))
    path.parent.mkdir(parents=True)
    path.write_text(f"# {HEADER}\n")


def test_host_without_an_endpoint_is_not_asked(shop: Application) -> None:
    assert silent_metrics(shop) == []


@pytest.mark.parametrize(
    ("states", "unit", "reason"),
    [
        ({}, "", ""),
        ({"service": "inactive"}, "", ""),
        ({"socket": "failed"}, SOCKET, "it does not run"),
        ({"socket": "inactive", "service": "inactive"}, SOCKET, "it does not run"),
        ({"service": "failed"}, SERVICE, "it has failed"),
        ({"boot": "disabled"}, SOCKET, "it is not enabled, and will not listen after a boot"),
    ],
)
def test_endpoint_that_does_not_listen_is_told(
    shop: Application,
    monkeypatch: pytest.MonkeyPatch,
    states: dict[str, str],
    unit: str,
    reason: str,
) -> None:
    write(shop, {})
    units(monkeypatch, **states)
    expected = [{"exporter": "", "address": "", "unit": unit, "reason": reason}] if unit else []
    assert silent_metrics(shop) == expected


def test_exporter_that_is_stopped_is_told(
    shop: Application, monkeypatch: pytest.MonkeyPatch, exporter: str
) -> None:
    write(shop, {"host": "127.0.0.1:1", "nginx": exporter, "database": exporter})
    ours(shop, "host")
    units(monkeypatch)
    monkeypatch.setattr(systemd, "show", lambda _name: {"ActiveState": "inactive"})
    # nginx's is not ours: whatever it tells of nginx is right.
    assert silent_metrics(shop) == [
        {
            "exporter": "host",
            "address": "127.0.0.1:1",
            "unit": "prometheus-node-exporter.service",
            "reason": "it does not run",
        }
    ]


def test_exporter_that_learns_nothing_of_nginx_is_told(
    shop: Application, monkeypatch: pytest.MonkeyPatch, exporter: str
) -> None:
    write(shop, {"nginx": exporter})
    ours(shop, "nginx")
    units(monkeypatch)
    [told] = silent_metrics(shop)
    assert told["reason"] == "nginx does not tell it what it counts"


def test_address_that_is_none_is_told(shop: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    write(shop, {"database": 7, "other": "127.0.0.1:x"})
    units(monkeypatch)
    assert [told["exporter"] for told in silent_metrics(shop)] == ["database", "other"]


def test_port_where_nobody_listens_is_told(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shop, {"database": "127.0.0.1:1"})
    units(monkeypatch)
    [told] = silent_metrics(shop)
    assert (told["exporter"], told["unit"], "refused" in told["reason"]) == ("database", "", True)


@pytest.mark.parametrize("exporters", [None, 7, "x"])
def test_file_that_was_changed_by_hand_is_no_error(
    shop: Application, monkeypatch: pytest.MonkeyPatch, exporters: object
) -> None:
    write(shop, exporters)
    units(monkeypatch)
    assert silent_metrics(shop) == []
