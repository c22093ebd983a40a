"""A slot's files as Ansible renders them: valid to Python and to systemd, also an old one."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import as_service
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.protocol import sandbox

ROLE = Path(__file__).resolve().parents[2] / "roles" / "gunicorn_service"
REQUIRED: dict[str, Any] = {
    "gunicorn_service_name": "shop",
    "gunicorn_service_release_path": "/opt/shop/releases/1.4.2-9f86d081",
    "__gunicorn_service_plan": {
        "workers": 3,
        "reason": "3 workers: 768 MB for two slots allow 3 of 128 MB each",
        "memory_max_mb": 768,
    },
}
OTHERWISE: dict[str, Any] = {
    "gunicorn_service_user": "www",
    "gunicorn_service_module": "shop.web:create_app()",
    "gunicorn_service_root_path": "/api",
    "gunicorn_service_health_path": "/ready?deep=1",
    "gunicorn_service_environment": {"COLOR": "red"},
    "gunicorn_service_secrets": {"TOKEN": 'a "quoted" $ecret'},
    "gunicorn_service_memory_max_mb": 1000,
    "gunicorn_service_drain_seconds": 120,
    "gunicorn_service_socket_group": "nginx",
    "gunicorn_service_backlog": 4096,
    "gunicorn_service_log_level": "warning",
    "gunicorn_service_metrics_enabled": True,
    "gunicorn_service_network_allow": ["any", "localhost", "192.0.2.0/24"],
    "gunicorn_service_writable_paths": ["/srv/uploads", "/srv/index"],
    "gunicorn_service_devices": ["/dev/nvidia0"],
    "gunicorn_service_sandbox": {"jit": True, "netlink": True},
    "gunicorn_service_service_options": {"ProtectHome": "tmpfs", "Nice": 5},
}
#: Directives that came after systemd 215 (Debian 8), with the version that brought them, from
#: systemd's NEWS. The oldest supported host, Ubuntu 22.04, has 249.
OLDEST_SYSTEMD = 249
SINCE = {
    "StartLimitIntervalSec": 230,
    "StartLimitBurst": 230,
    "MemoryMax": 231,
    "TasksMax": 227,
    "CacheDirectory": 235,
    "CacheDirectoryMode": 235,
    "StateDirectory": 235,
    "StateDirectoryMode": 235,
    "IPAddressAllow": 235,
    "IPAddressDeny": 235,
    "PrivateMounts": 239,
    "OOMPolicy": 243,
    "AmbientCapabilities": 229,
    "PrivateUsers": 232,
    "ProtectClock": 245,
    "ProtectControlGroups": 232,
    "ProtectHostname": 242,
    "ProtectKernelLogs": 244,
    "ProtectKernelModules": 232,
    "ProtectKernelTunables": 232,
    "ProtectProc": 247,
    "RemoveIPC": 232,
    "RestrictNamespaces": 233,
    "RestrictRealtime": 231,
    "RestrictSUIDSGID": 242,
    "LockPersonality": 235,
    "MemoryDenyWriteExecute": 231,
    "KeyringMode": 235,
}
#: Directives of systemd 215 and before.
ALWAYS = {
    *("Description", "Requires", "After", "Wants", "WantedBy"),
    *("User", "Group", "UMask", "WorkingDirectory", "Environment", "EnvironmentFile"),
    *("RuntimeDirectory", "RuntimeDirectoryMode", "Type", "NotifyAccess", "ExecStart"),
    *("Restart", "RestartSec", "KillMode", "TimeoutStartSec", "TimeoutStopSec", "LimitNOFILE"),
    *("NoNewPrivileges", "CapabilityBoundingSet", "PrivateDevices", "PrivateTmp", "DevicePolicy"),
    *("ProtectSystem", "ProtectHome", "RestrictAddressFamilies", "SystemCallArchitectures"),
    *("SystemCallFilter", "SystemCallErrorNumber", "ListenStream", "SocketUser", "SocketGroup"),
    *("SocketMode", "DirectoryMode", "Backlog", "RemoveOnStop", "ExecStopPost", "ReadWritePaths"),
    "ExecStartPre",
    *("DeviceAllow",),
}

Render = Callable[..., Any]
Files = dict[str, str]
both_slots = pytest.mark.parametrize("slot", ["blue", "green"])
both_settings = pytest.mark.parametrize("changed", [{}, OTHERWISE], ids=["default", "alternative"])


@pytest.fixture
def render(render_role: Render) -> Callable[..., Files]:
    """Return a slot's five files."""
    return lambda slot, **changed: dict(
        render_role("gunicorn_service", f"__gunicorn_service_{slot}", **{**REQUIRED, **changed})
    )


def directives(unit: str) -> list[tuple[str, str]]:
    lines = (line for line in unit.splitlines() if line and line[0] not in "#[")
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def last(unit: str) -> dict[str, str]:
    """Return each directive's last value, which is the one that counts."""
    return dict(directives(unit))


@both_slots
@both_settings
def test_slot_is_told_in_every_file_and_the_other_one_in_none(
    render: Render, slot: str, changed: dict[str, Any]
) -> None:
    files = render(slot, **changed)
    other = "green" if slot == "blue" else "blue"
    for kind in ("socket", "service", "settings"):
        assert slot in files[kind]
        assert other not in files[kind]
        assert "{{" not in files[kind]
        assert "{%" not in files[kind]


@both_slots
def test_slots_modules_are_the_roles_files(render: Render, slot: str) -> None:
    assert render(slot)["worker"] == (ROLE / "files" / "draining_worker.py").read_text()
    assert render(slot)["master"] == (ROLE / "files" / "slot_master.py").read_text()
    assert render(slot)["counts"] == (ROLE / "files" / "request_counts.py").read_text()


def test_environment_holds_settings_and_secrets(render: Render) -> None:
    assert render("blue")["environment"] == ""
    assert render("blue", **OTHERWISE)["environment"] == (
        'COLOR="red"\nTOKEN="a \\"quoted\\" \\$ecret"\n'
    )


def test_secrets_stand_in_the_environment_only(render: Render) -> None:
    files = render("blue", **OTHERWISE)
    assert [kind for kind, text in files.items() if "quoted" in text] == ["environment"]


# gunicorn.conf.py


def load(settings: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Execute a rendered gunicorn.conf.py, as Gunicorn does, beside the role's worker."""
    assert 'sys.path.insert(0, "/etc/shop/blue")' in settings
    path = folder / "settings.py"
    path.write_text(settings.replace("/etc/shop/blue", str(ROLE / "files")))
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("draining_worker", "slot_master", "request_counts", "json_logs"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    spec = spec_from_file_location("settings", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_settings_describe_the_slot_to_the_worker(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(render("blue", **OTHERWISE)["settings"], tmp_path, monkeypatch)
    slot = settings.slot
    worker = sys.modules["draining_worker"].DrainingWorker
    assert settings.worker_class == "draining_worker.DrainingWorker"
    assert worker.slot is slot
    assert worker.CONFIG_KWARGS["root_path"] == "/api"
    assert (slot.socket, slot.live_link) == ("/run/shop/blue.sock", "/var/lib/shop/live.sock")
    assert slot.runtime_directory == settings.worker_tmp_dir == "/run/shop/blue"
    assert (slot.health_path, slot.health_host) == ("/ready?deep=1", "localhost")
    assert (settings.workers, settings.backlog, settings.loglevel) == (3, 4096, "warning")
    assert settings.forwarded_allow_ips == "*"
    assert settings.control_socket_disable is True
    assert not hasattr(settings, "bind")


@pytest.mark.parametrize("plain", ["uvicorn_worker.UvicornWorker", "uvicorn.workers.UvicornWorker"])
@pytest.mark.filterwarnings("ignore:The `uvicorn.workers` module is deprecated")
def test_plain_worker_is_uvicorns_own(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: str
) -> None:
    files = render("blue", **{**OTHERWISE, "gunicorn_service_worker_class": plain})
    settings = load(files["settings"], tmp_path, monkeypatch)
    assert settings.worker_class == plain
    module, _dot, name = plain.rpartition(".")
    chosen = getattr(sys.modules[module], name)
    # Uvicorn's plain worker does not take it from Gunicorn's settings.
    assert chosen.CONFIG_KWARGS["root_path"] == "/api"
    assert chosen.CONFIG_KWARGS["timeout_graceful_shutdown"] <= settings.graceful_timeout
    # Workers that do not notice that their master is gone must not outlive it.
    assert last(files["service"])["KillMode"] == "mixed"
    assert last(render("blue", **OTHERWISE)["service"])["KillMode"] == "process"


@pytest.mark.parametrize(
    ("worker_class", "proves"),
    [
        ("draining_worker.DrainingWorker", True),
        ("uvicorn_worker.UvicornWorker", False),
        ("uvicorn.workers.UvicornWorker", False),
    ],
)
def test_host_reads_from_the_settings_whether_workers_prove_themselves(
    render: Render, tmp_path: Path, worker_class: str, *, proves: bool
) -> None:
    slot = Application("shop", str(tmp_path)).slot("blue")
    path = Path(slot.files["settings"])
    path.parent.mkdir(parents=True)
    path.write_text(render("blue", gunicorn_service_worker_class=worker_class)["settings"])
    assert slot.proves_workers() is proves


@both_settings
def test_timeouts_stand_in_their_order(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    files = render("blue", **changed)
    settings = load(files["settings"], tmp_path, monkeypatch)
    slot = settings.slot
    assert slot.linger < slot.drain
    assert max(slot.drain, slot.request_timeout) <= settings.graceful_timeout
    assert settings.graceful_timeout < int(last(files["service"])["TimeoutStopSec"])
    assert slot.linger < settings.keepalive


@pytest.mark.parametrize(
    "text",
    ['"', "'", "\\", "/\n", "ü", "{{ x }}"],
    ids=['"', "'", "backslash", "newline", "ü", "x"],
)
def test_settings_quote_what_they_are_given(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    files = render("blue", gunicorn_service_health_path=text)
    assert load(files["settings"], tmp_path, monkeypatch).slot.health_path == text


def test_workers_count_only_if_metrics_are_wanted(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(render("blue")["settings"], tmp_path, monkeypatch)
    assert sys.modules["draining_worker"].DrainingWorker.around is None
    assert "metrics" not in render("blue")["socket"] + render("blue")["service"]

    files = render("blue", **OTHERWISE)
    counting = load(files["settings"], tmp_path, monkeypatch).counting
    assert (counting.directory, counting.slot) == ("/run/shop/metrics", "blue")
    assert sys.modules["draining_worker"].DrainingWorker.around == counting.begin
    made = "/usr/bin/install -d -m 0750 -o www -g www /run/shop/metrics"
    assert ("ExecStartPre", made) in directives(files["socket"])
    assert ("ReadWritePaths", "-/run/shop/metrics") in directives(files["service"])


JSON = {"gunicorn_service_log_format": "json"}


@pytest.fixture
def logging_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the settings change for the whole process."""
    monkeypatch.setattr(logging, "basicConfig", logging.basicConfig)
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


def test_lines_are_text_and_cost_nothing_by_default(render: Render) -> None:
    files = render("blue")
    assert files["logs"] == ""
    assert "json" not in files["settings"]


@pytest.mark.usefixtures("logging_of_the_tests")
@pytest.mark.parametrize("counts", [False, True])
def test_lines_are_json_if_wanted(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: bool
) -> None:
    files = render("blue", **JSON, gunicorn_service_metrics_enabled=counts)
    assert files["logs"] == (ROLE / "files" / "json_logs.py").read_text()
    settings = load(files["settings"], tmp_path, monkeypatch)
    assert settings.logger_class == "json_logs.JsonLogger"
    assert sys.modules["json_logs"].install() is logging.lastResort
    around = sys.modules["draining_worker"].DrainingWorker.around.__self__
    assert isinstance(around, sys.modules["json_logs"].Identifying)
    assert around._around == (settings.counting.begin if counts else None)


@pytest.mark.usefixtures("logging_of_the_tests")
def test_lines_of_plain_workers_are_json_too(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"gunicorn_service_worker_class": "uvicorn_worker.UvicornWorker"}
    settings = load(render("blue", **JSON, **plain)["settings"], tmp_path, monkeypatch)
    assert settings.logger_class == "json_logs.JsonLogger"


def test_measured_slot_logs_as_it_always_does(render_role: Render) -> None:
    files = render_role("gunicorn_service", "__gunicorn_service_tune", **REQUIRED, **JSON)
    assert "json" not in files["settings"]


def test_master_adds_up_what_a_dead_worker_has_counted(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(render("blue", **OTHERWISE)["settings"], tmp_path, monkeypatch)
    added: list[str] = []
    monkeypatch.setattr(settings.counting, "add_up", lambda: added.append("up"))
    settings.on_starting(None)
    settings.child_exit(None, type("Worker", (), {"pid": 2**22}))
    assert added == ["up", "up"]


def test_plain_workers_do_not_count(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"gunicorn_service_worker_class": "uvicorn_worker.UvicornWorker"}
    settings = load(render("blue", **OTHERWISE, **plain)["settings"], tmp_path, monkeypatch)
    assert not hasattr(settings, "counting")


def test_child_exit_forgets_the_workers_report(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(render("blue")["settings"], tmp_path, monkeypatch)
    settings.slot.runtime_directory = str(tmp_path)
    report = tmp_path / "worker-7.json"
    report.touch()

    class Worker:
        pid = 7

    for _ in range(2):
        settings.child_exit(None, Worker())
        assert not report.exists()


@pytest.mark.parametrize(
    ("application", "killed"), [("shop", [11, 12]), ("blog", [])], ids=["own unit", "elsewhere"]
)
def test_on_exit_ends_what_is_left_in_the_slots_own_unit(
    render: Render,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    application: str,
    killed: list[int],
) -> None:
    load(render("blue")["settings"], tmp_path, monkeypatch)
    master = sys.modules["slot_master"]
    group = "9:name=systemd:/system.slice/system-shop.slice/shop@{}.service\n"
    for entry, slot in {
        "self": "blue",
        str(os.getpid()): "blue",
        "11": "blue",
        "12": "blue",
        "13": "green",
    }.items():
        (tmp_path / entry).mkdir()
        (tmp_path / entry / "cgroup").write_text(group.format(slot))
    (tmp_path / "14").mkdir()
    monkeypatch.setenv("FLEET_APP", application)
    monkeypatch.setenv("FLEET_SLOT", "blue")
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(master.os, "kill", lambda pid, sent: calls.append((pid, sent)))

    master.end_the_rest(str(tmp_path))

    assert sorted(calls) == [(pid, signal.SIGKILL) for pid in killed]


def test_settings_end_the_rest_when_the_master_ends(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(render("blue")["settings"], tmp_path, monkeypatch)
    calls: list[str] = []
    monkeypatch.setattr(settings, "end_the_rest", lambda: calls.append("ended"))
    settings.on_exit(None)
    assert calls == ["ended"]


# The units


def test_service_is_what_the_slot_needs(render: Render) -> None:
    service = render("green")["service"]
    values = last(service)
    assert values["Requires"] == "shop@green.socket"
    assert values["EnvironmentFile"] == "/etc/shop/green/environment"
    assert values["WorkingDirectory"] == "/opt/shop/releases/1.4.2-9f86d081/src"
    assert values["ExecStart"] == (
        "/opt/shop/releases/1.4.2-9f86d081/.venv/bin/gunicorn "
        "--config /etc/shop/green/gunicorn.conf.py"
    )
    assert ("Environment", "FLEET_APP=shop") in directives(service)
    assert ("Environment", "FLEET_RELEASE=1.4.2-9f86d081") in directives(service)
    assert ("Environment", "FLEET_SLOT=green") in directives(service)


@both_slots
def test_service_has_the_world_of_everything_that_runs_of_the_application(
    render: Render, slot: str
) -> None:
    service = render(slot)["service"]
    release = REQUIRED["gunicorn_service_release_path"]
    beside = as_service(release, "hook", "shop", {}, 10, sandbox.Sandbox(), slot=slot)
    told = [value.partition("=") for name, value in directives(service) if name == "Environment"]
    assert {name: value for name, _, value in told} == dict(beside.environment)
    values = last(service)
    assert values["WorkingDirectory"] == beside.folder
    expected = dict(beside.properties) | {"RuntimeDirectory": f"shop/{slot}"}
    assert {name: values[name] for name in expected} == expected
    # The application has the last word: its environment comes after this.
    assert service.rindex("Environment=") < service.index("EnvironmentFile=")


def test_place_of_a_release_may_be_written_there(render: Render) -> None:
    places = ["uploads", {"path": "static", "keep": False}]
    values = last(render("blue", gunicorn_service_writable_paths=places)["service"])
    assert values["ReadWritePaths"] == "/opt/shop/releases/1.4.2-9f86d081/src/static"


def test_metrics_of_each_slot_have_a_folder_of_their_own(render: Render) -> None:
    given = {"PROMETHEUS_MULTIPROC_DIR": "/var/lib/shop/state/prom"}
    for slot in ("blue", "green"):
        told = render(slot, gunicorn_service_environment=given)["environment"]
        assert told == f'PROMETHEUS_MULTIPROC_DIR="/var/lib/shop/state/prom/{slot}"\n'


@pytest.mark.parametrize("name", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
def test_settings_empty_the_folder_of_metrics_once(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "prom" / "blue"
    monkeypatch.setenv(name, str(folder))
    text = render("blue")["settings"]
    settings = load(text, tmp_path, monkeypatch)
    assert folder.is_dir()
    for file in ("counter_7.db", "gauge_livesum_7.db", "gauge_all_7.db", "gauge_liveall_8.db"):
        (folder / file).touch()
    # SIGHUP: Gunicorn reads its settings again, while workers write there.
    spec = settings.__spec__
    assert spec
    assert spec.loader
    spec.loader.exec_module(settings)
    settings.slot.runtime_directory = str(tmp_path)

    class Worker:
        pid = 7

    settings.child_exit(None, Worker())
    assert sorted(file.name for file in folder.iterdir()) == [
        "counter_7.db",
        "gauge_all_7.db",
        "gauge_liveall_8.db",
    ]
    load(text, tmp_path, monkeypatch)
    assert list(folder.iterdir()) == []


def test_socket_is_the_proxys_alone(render: Render) -> None:
    values = last(render("blue", gunicorn_service_socket_group="nginx")["socket"])
    assert values["ListenStream"] == "/run/shop/blue.sock"
    assert (values["SocketUser"], values["SocketGroup"]) == ("root", "nginx")
    assert values["SocketMode"] == "0660"


@pytest.mark.parametrize(("wanted", "most"), [(0, "768M"), (1000, "1000M")])
def test_memory_is_limited_as_planned_or_as_set(render: Render, wanted: int, most: str) -> None:
    values = last(render("blue", gunicorn_service_memory_max_mb=wanted)["service"])
    assert values["MemoryMax"] == most
    # Above it the kernel would slow every worker down for what one of them takes.
    assert "MemoryHigh" not in values


def test_service_options_win_over_the_units_own(render: Render) -> None:
    service = render("blue", **OTHERWISE)["service"]
    assert last(service)["ProtectHome"] == "tmpfs"
    assert last(service)["Nice"] == "5"
    assert service.index("Nice=5") < service.index("[Install]")


def test_sections_come_once_and_in_order(render: Render) -> None:
    files = render("blue", **OTHERWISE)
    sections = {kind: re.findall(r"^\[\w+\]", files[kind], re.M) for kind in ("socket", "service")}
    assert sections == {
        "socket": ["[Unit]", "[Socket]", "[Install]"],
        "service": ["[Unit]", "[Service]", "[Install]"],
    }


@both_settings
def test_directives_are_known_to_the_oldest_systemd(
    render: Render, changed: dict[str, Any]
) -> None:
    files = render("blue", **{**changed, "gunicorn_service_service_options": {}})
    used = {name for kind in ("socket", "service") for name, _ in directives(files[kind])}
    assert used - ALWAYS - SINCE.keys() == set(), "look up since when systemd knows these"
    assert {name: SINCE[name] for name in used & SINCE.keys() if SINCE[name] > OLDEST_SYSTEMD} == {}


#: Values that an older systemd refuses, with the version that brought them.
NEWER_VALUES = {"Type": {"notify-reload": 253, "exec": 240}, "ProtectSystem": {"strict": 232}}


def test_values_are_known_to_the_oldest_systemd(render: Render) -> None:
    for name, value in directives(render("blue")["service"]):
        assert NEWER_VALUES.get(name, {}).get(value, 0) <= OLDEST_SYSTEMD


def write_units(files: Files, folder: Path) -> list[str]:
    """Write the units as a host has them, but for a program that this machine has."""
    paths = []
    for kind in ("socket", "service"):
        path = folder / f"shop@blue.{kind}"
        path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", files[kind], flags=re.M))
        paths.append(str(path))
    return paths


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("systemd-analyze") or "systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@both_settings
def test_units_are_accepted_by_systemd(
    render: Render, tmp_path: Path, changed: dict[str, Any]
) -> None:
    result = systemd_analyze(
        "verify", "--man=no", *write_units(render("blue", **changed), tmp_path)
    )
    assert [line for line in result.stderr.splitlines() if "shop@blue" in line] == []


def test_units_with_a_mistake_are_not_accepted_by_systemd(render: Render, tmp_path: Path) -> None:
    files = render("blue", gunicorn_service_service_options={"NoSuchSetting": 1})
    result = systemd_analyze("verify", "--man=no", *write_units(files, tmp_path))
    assert "NoSuchSetting" in result.stderr


def test_service_is_exposed_as_little_as_it_was(render: Render, tmp_path: Path) -> None:
    _, service = write_units(render("blue"), tmp_path)
    # Tenths of systemd's exposure, from 0 to 100: below 20 is "OK".
    result = systemd_analyze("security", "--offline=true", "--threshold=10", "--no-pager", service)
    assert result.returncode == 0, result.stdout.splitlines()[-1]


def test_sandbox_is_that_of_everything_that_runs_of_the_application(render: Render) -> None:
    service = render("blue")["service"]
    assert service.endswith(
        "\n".join(f"{name}={value}" for name, value in sandbox.directives(sandbox.Sandbox()))
        + "\n\n[Install]\nWantedBy=multi-user.target\n"
    )


def test_sandbox_is_loosened_by_what_an_application_needs(render: Render) -> None:
    service = render("blue", **OTHERWISE)["service"]
    values = last(service)
    assert values["ReadWritePaths"] == "/srv/uploads /srv/index"
    assert ("DeviceAllow", "/dev/nvidia0 rw") in directives(service)
    assert values["RestrictAddressFamilies"] == "AF_UNIX AF_INET AF_INET6 AF_NETLINK"
    assert "127.0.0.0/8" in values["IPAddressAllow"].split()
    assert "192.0.2.0/24" in values["IPAddressAllow"].split()
    assert not {"MemoryDenyWriteExecute", "PrivateDevices"} & values.keys()


def test_state_cache_and_reports_are_the_applications_alone(render: Render) -> None:
    values = last(render("blue")["service"])
    modes = {name: value for name, value in values.items() if name.endswith("DirectoryMode")}
    assert modes == dict.fromkeys(
        ("StateDirectoryMode", "CacheDirectoryMode", "RuntimeDirectoryMode"), "0750"
    )
    assert values["UMask"] == "0027"


def test_socket_ends_what_its_service_left_behind(render: Render) -> None:
    values = last(render("green")["socket"])
    assert values["ExecStopPost"] == "-/usr/bin/systemctl kill --signal=KILL shop@green.service"


# Child templates, as a deployment overrides a block


def test_child_template_replaces_one_block_and_keeps_the_others(
    render: Render, tmp_path: Path
) -> None:
    child = tmp_path / "shop.service.j2"
    child.write_text(
        '{% extends "slot.service.j2" %}\n'
        "{% block resources %}\n# resources\nLimitNOFILE=1234\n{% endblock %}\n"
        "{% block sandbox %}\n{{ super() }}\nProtectHome=tmpfs\n{% endblock %}\n"
    )
    service = render("blue", gunicorn_service_service_template=str(child))["service"]
    values = last(service)
    assert values["LimitNOFILE"] == "1234"
    assert "MemoryMax" not in values
    assert values["ProtectHome"] == "tmpfs"
    assert values["LockPersonality"] == "yes"
    assert service.endswith("[Install]\nWantedBy=multi-user.target\n")


def test_child_template_of_the_settings_extends_a_block(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "shop.conf.py.j2"
    child.write_text(
        '{% extends "gunicorn.conf.py.j2" %}\n'
        "{% block worker %}\n{{ super() }}\nmax_requests = 5000\n{% endblock %}\n"
    )
    files = render("blue", gunicorn_service_settings_template=str(child))
    settings = load(files["settings"], tmp_path, monkeypatch)
    assert (settings.max_requests, settings.workers) == (5000, 3)


@pytest.mark.parametrize(
    ("health_timeout", "seconds"), [(60, "90"), (600, "630")], ids=["short", "long"]
)
def test_preload_imports_in_the_master_within_the_health_timeout(
    render: Render, health_timeout: int, seconds: str
) -> None:
    wanted = {"gunicorn_service_health_timeout_seconds": health_timeout}
    before = render("blue", **wanted)
    assert last(before["service"])["TimeoutStartSec"] == "90"
    assert "preload" not in before["settings"]
    assert "import_before_fork" not in before["settings"]

    files = render("blue", **wanted, gunicorn_service_preload=True)

    assert last(files["service"])["TimeoutStartSec"] == seconds
    assert "\npreload_app = True\n" in files["settings"]
    call = 'import_before_fork("gunicorn_service_preload", slot.runtime_directory)'
    assert f"\n{call}\n" in files["settings"]
    assert files["settings"].index("sys.path.insert") < files["settings"].index(call)


def test_units_of_the_recycle_are_accepted_by_systemd_and_run_no_code_of_the_application(
    render_role: Render, tmp_path: Path
) -> None:
    wanted = {"after_seconds": 43200, "memory_percent": 80, "place": 0, "hosts": 2}
    given = dict(
        render_role(
            "gunicorn_service",
            "__gunicorn_service_recycle",
            **{**REQUIRED, "gunicorn_service_recycle": wanted},
        )
    )
    assert given.items() >= wanted.items()
    command = last(given["service"])["ExecStart"].split()
    # The host's own Python, without modules of an account.
    assert command == [
        *("/usr/bin/python3", "-s", "-E", "-B"),
        *("/opt/shop/recycle.pyz", "/etc/shop/recycle.json"),
    ]
    paths = []
    for kind in ("service", "timer"):
        path = tmp_path / f"shop-recycle.{kind}"
        path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", given[kind], flags=re.M))
        paths.append(str(path))
    result = systemd_analyze("verify", "--man=no", *paths)
    assert [line for line in result.stderr.splitlines() if "shop-recycle" in line] == []
    assert dict(render_role("gunicorn_service", "__gunicorn_service_recycle", **REQUIRED)) == {}


PROCESSES: dict[str, Any] = {
    "gunicorn_service_capacity": {"cores": 2, "memory_bytes": 1024**3},
    "gunicorn_service_processes": [
        {"name": "worker", "command": "arq worker.Settings", "count": "cores", "memory_mb": 64},
        {"name": "bot", "command": ["bot", "a b"], "notify": True, "stop_signal": "INT"},
    ],
}


@pytest.mark.parametrize(
    ("processes", "start", "stop"),
    [
        ([], "200", "140"),
        ([{"name": "worker", "command": "arq w", "stop_timeout": 600}], "1380", "1200"),
    ],
)
def test_recycle_waits_for_as_long_as_a_job_may_take(
    render_role: Render, processes: list[dict[str, Any]], start: str, stop: str
) -> None:
    wanted = {"after_seconds": 43200, "memory_percent": 80, "place": 0, "hosts": 2}
    variables = {"gunicorn_service_recycle": wanted, "gunicorn_service_processes": processes}
    given = render_role(
        "gunicorn_service",
        "__gunicorn_service_recycle",
        **{**REQUIRED, **PROCESSES, **variables, "gunicorn_service_health_timeout_seconds": 60},
    )
    unit = last(given["service"])
    assert (unit["TimeoutStartSec"], unit["TimeoutStopSec"]) == (start, stop)


@both_slots
@both_settings
def test_each_process_has_a_unit_with_the_world_of_its_slot(
    render: Render, slot: str, changed: dict[str, Any]
) -> None:
    files = render(slot, **{**PROCESSES, **changed})
    units: dict[str, str] = files["processes"]
    assert list(units) == ["worker", "bot"]
    of_slot = directives(files["service"])
    for name, text in units.items():
        assert text.startswith(f"# shop: its process {name}, {slot} slot.")
        assert text.count("[Service]") == 1
        unit = last(text)
        assert unit["KillMode"] == "mixed"
        assert unit["RuntimeDirectory"] == "shop/processes/%i"
        shared = {
            pair
            for pair in of_slot
            if pair[0] in ("User", "WorkingDirectory", "Environment", "EnvironmentFile", "UMask")
            or pair[0].startswith(("Protect", "Private", "Restrict", "IPAddress", "SystemCall"))
        }
        assert shared <= set(directives(text))
    assert last(units["worker"])["ExecStart"] == '/usr/bin/env "arq" "worker.Settings"'
    assert (last(units["worker"])["Type"], last(units["bot"])["Type"]) == ("exec", "notify")
    assert last(units["bot"])["KillSignal"] == "SIGINT"
    assert last(units["worker"])["MemoryMax"] == "640M"


@pytest.mark.parametrize(
    ("health_timeout", "seconds"), [(60, "90"), (600, "630")], ids=["short", "long"]
)
def test_process_that_says_when_it_is_ready_has_the_health_timeout_for_it(
    render: Render, health_timeout: int, seconds: str
) -> None:
    files = render("blue", **PROCESSES, gunicorn_service_health_timeout_seconds=health_timeout)
    units = {name: last(text) for name, text in files["processes"].items()}
    assert units["bot"]["TimeoutStartSec"] == seconds
    assert units["worker"]["TimeoutStartSec"] == "90"


def test_options_of_the_service_do_not_change_how_a_process_ends(render: Render) -> None:
    options = {"Nice": 5, "TimeoutStopSec": 1, "MemoryMax": "1M", "KillMode": "process"}
    files = render("blue", **PROCESSES, gunicorn_service_service_options=options)
    unit = last(files["processes"]["worker"])
    assert unit["Nice"] == "5"
    assert (unit["TimeoutStopSec"], unit["KillMode"]) == ("30", "mixed")
    assert unit["MemoryMax"] == "640M"


def test_without_processes_there_is_no_unit_of_one(render: Render) -> None:
    assert render("blue")["processes"] == {}


def test_what_a_measured_slot_serves_is_not_counted(render_role: Render) -> None:
    given = {**REQUIRED, "gunicorn_service_metrics_enabled": True}
    files = render_role("gunicorn_service", "__gunicorn_service_tune", **given)
    assert "request_counts" not in files["settings"]
    live = render_role("gunicorn_service", "__gunicorn_service_blue", **given)
    assert "request_counts" in live["settings"]
