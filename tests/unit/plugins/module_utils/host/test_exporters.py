"""Exporters of the distribution: whose they are, what is written, and when they go."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import exporters, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.exporters import (
    EXPORTERS,
    ExporterError,
    Plan,
    Wish,
    needed_elsewhere,
    plan,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import Listener

ADDRESSES = {"host": "127.0.0.1:9100", "nginx": "127.0.0.1:9113"}
STATUS = "http://127.0.0.1:9112/status"
UNITS = {name: one.unit for name, one in EXPORTERS.items()}
PATHS = {name: one.drop_in for name, one in EXPORTERS.items()}
RUNS = {"ActiveState": "active", "UnitFileState": "enabled"}
BOTH = ["host", "nginx"]


def wish(*wanted: str) -> Wish:
    return Wish("shop", wanted, ADDRESSES, STATUS)


def drop_ins(*names: str) -> dict[str, str]:
    return {PATHS[name]: wish().drop_in(name) for name in names}


def decide(
    *wanted: str,
    found: dict[str, str] | None = None,
    running: tuple[str, ...] = (),
    listening: tuple[Listener, ...] = (),
    elsewhere: tuple[str, ...] = (),
) -> Plan:
    states = {UNITS[name]: RUNS for name in running}
    return plan(wish(*wanted), found or {}, states, listening, elsewhere)


def test_drop_in_listens_on_loopback_and_takes_no_options_of_the_package() -> None:
    text = wish().drop_in("nginx")
    assert "\nEnvironmentFile=\n" in text
    assert (
        '\nEnvironment="ARGS=--web.listen-address=127.0.0.1:9113 '
        '--nginx.scrape-uri=http://127.0.0.1:9112/status"\n'
    ) in text
    assert "scrape-uri" not in wish().drop_in("host")


def test_bare_host_gets_the_drop_ins_before_the_packages() -> None:
    todo = decide(*BOTH)
    assert todo.write == drop_ins(*BOTH)
    assert todo.packages == [
        "prometheus-node-exporter",
        "prometheus-node-exporter-collectors",
        "prometheus-nginx-exporter",
    ]
    assert (todo.ours, todo.kept, todo.leave, todo.counts) == (BOTH, [], [], True)


def test_second_look_changes_nothing() -> None:
    listening = (Listener("tcp", "127.0.0.1", 9100, "prometheus-node", UNITS["host"]),)
    todo = decide(*BOTH, found=drop_ins(*BOTH), running=("host", "nginx"), listening=listening)
    assert not todo
    assert (todo.ours, todo.counts) == (BOTH, True)


def test_exporter_of_somebody_else_is_kept() -> None:
    todo = decide("host", running=("host",))
    assert (todo.ours, todo.kept, todo.packages, bool(todo)) == ([], ["host"], [], False)


@pytest.mark.parametrize("address", ["192.0.2.7", "::", "127.0.0.1"])
def test_port_of_another_program_is_left_to_it(address: str) -> None:
    other = Listener("tcp", address, 9100, "node_exporter", "node_exporter.service")
    todo = decide(*BOTH, listening=(other,))
    assert (todo.ours, todo.kept) == (["nginx"], ["host"])


def test_package_that_nobody_runs_is_taken() -> None:
    states = {UNITS["host"]: {"ActiveState": "inactive", "UnitFileState": "disabled"}}
    todo = plan(wish("host"), {}, states, (), ())
    assert (todo.ours, todo.kept) == (["host"], [])


def test_what_nobody_wants_any_more_goes() -> None:
    todo = decide("host", found=drop_ins(*BOTH), running=("host", "nginx"))
    assert (todo.ours, todo.leave, todo.write, todo.counts) == (["host"], ["nginx"], {}, False)
    assert [one["after"] for one in todo.diff()] == [""]


def test_what_another_application_passes_on_stays() -> None:
    elsewhere = ("127.0.0.1:9113",)
    todo = decide(found=drop_ins(*BOTH), running=("host", "nginx"), elsewhere=elsewhere)
    assert (todo.leave, todo.counts) == (["host"], True)


def test_drop_in_of_somebody_else_is_not_removed() -> None:
    assert not decide(found={PATHS["host"]: "[Service]\n"}, running=("host",))


def test_other_applications_are_asked_by_what_their_endpoints_pass_on(tmp_path: Path) -> None:
    for name, text in {
        "shop": json.dumps({"exporters": {"host": "127.0.0.1:9100"}}),
        "blog": json.dumps({"exporters": {"nginx": "127.0.0.1:9113"}}),
        "other": "[]",
        "odd": '{"exporters": []}',
        "broken": "{",
    }.items():
        (tmp_path / "etc" / name).mkdir(parents=True)
        (tmp_path / "etc" / name / "metrics.json").write_text(text)
    assert needed_elsewhere("shop", str(tmp_path)) == {"127.0.0.1:9113"}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What systemctl is asked for."""
    asked: list[tuple[str, ...]] = []

    def systemctl(*arguments: str, **_: object) -> str:
        if arguments[0] == "show":
            return f"Id={UNITS['nginx']}\nActiveState=active\nUnitFileState=enabled\n"
        asked.append(arguments)
        return ""

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    return asked


def test_unit_is_disabled_before_its_drop_in_goes(
    calls: list[tuple[str, ...]], tmp_path: Path
) -> None:
    exporters.carry_out(decide(*BOTH), str(tmp_path))
    path = tmp_path / PATHS["host"].lstrip("/")
    assert path.read_text() == wish().drop_in("host")
    # The other one is not installed yet.
    assert calls == [("daemon-reload",), ("restart", "--quiet", UNITS["nginx"])]
    calls.clear()
    exporters.carry_out(decide(found=drop_ins("host")), str(tmp_path))
    assert calls == [("disable", "--quiet", "--now", UNITS["host"]), ("daemon-reload",)]
    assert not path.parent.exists()


Answer = Callable[[int, str], str]


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answer]:
    """Has an exporter answer, and returns its address; nobody waits for it."""
    told: dict[str, tuple[int, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = told["answer"]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def answer(status: int, body: str) -> str:
        told["answer"] = (status, body.encode())
        return f"127.0.0.1:{server.server_port}"

    monkeypatch.setattr(exporters, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(exporters, "_states", dict)
    monkeypatch.setattr(systemd, "show", lambda _unit: {"ActiveState": "active"})
    yield answer
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("name", "body"), [("host", "node_load1 1\n"), ("nginx", "# TYPE\nnginx_up 1\n")]
)
def test_exporter_that_answers_is_started(exporter: Answer, name: str, body: str) -> None:
    addresses = {**ADDRESSES, name: exporter(200, body)}
    started = exporters.start(Plan(ours=[name]), Wish("shop", [name], addresses, STATUS))
    assert started == [UNITS[name]]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("plan_", "status", "body", "reason"),
    [
        (Plan(ours=["nginx"]), 503, "", "status 503"),
        (Plan(ours=["nginx"]), 200, "x\nnginx_up 0\n", "nginx does not tell it what it counts"),
    ],
)
def test_exporter_without_an_answer_is_refused(
    exporter: Answer, plan_: Plan, status: int, body: str, reason: str
) -> None:
    address = exporter(status, body)
    with pytest.raises(ExporterError) as raised:
        exporters.start(plan_, Wish("shop", ["nginx"], {**ADDRESSES, "nginx": address}, STATUS))
    assert str(raised.value) == (
        f"prometheus-nginx-exporter.service does not answer at {address} ({reason}); expected the "
        "exporter of the distribution there; journalctl -u prometheus-nginx-exporter.service -n 20 "
        "on the host says why; name another one by gunicorn_service_metrics_exporters: {nginx: "
        "<address:port>}, or leave nginx out of app_metrics.exporters"
    )


@pytest.mark.usefixtures("calls")
def test_exporter_of_somebody_else_that_does_not_answer_is_refused(exporter: Answer) -> None:
    address = exporter(404, "")
    with pytest.raises(ExporterError) as raised:
        exporters.start(
            Plan(kept=["host"]), Wish("shop", ["host"], {**ADDRESSES, "host": address}, STATUS)
        )
    assert str(raised.value) == (
        "somebody else has set up an exporter on this host already, and "
        f"prometheus-node-exporter.service does not answer at {address} (status 404); expected it "
        "there, since it is not changed; say where it is by gunicorn_service_metrics_exporters: "
        "{host: <address:port>}, or leave host out of app_metrics.exporters"
    )


@pytest.mark.usefixtures("calls")
def test_unit_that_does_not_run_is_no_exporter_though_its_port_answers(
    exporter: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "show", lambda _unit: {"ActiveState": "activating"})
    address = exporter(200, "node_load1 1\n")
    with pytest.raises(ExporterError, match="it does not run"):
        exporters.start(
            Plan(ours=["host"]), Wish("shop", ["host"], {**ADDRESSES, "host": address}, STATUS)
        )
