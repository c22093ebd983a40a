"""Exporters of the distribution on a host: of the host itself, and of nginx, for Prometheus.

They listen on a loopback address alone, by a drop-in of their units, and an application's endpoint
passes on what they say. A host has one of each for all its applications: it stays for as long as
the endpoint of any of them names it (/etc/<application>/metrics.json). One that somebody else runs
is never changed. The units are the same on Debian 12 and 13 and Ubuntu 22.04 to 26.04: they run
`/usr/bin/prometheus-node-exporter $ARGS`, with ARGS from /etc/default.
"""

from __future__ import annotations

import contextlib
import glob
import http.client
import json
import os
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import Listener, listeners

HOST, NGINX = "host", "nginx"
HEADER = "Written by asgi.fleet (role gunicorn_service); changes here are lost at its next run."
#: Where nginx counts itself (ngx_http_stub_status_module).
STATUS_FILE = "/etc/nginx/conf.d/02_fleet_status.conf"
#: Seconds in which an exporter must answer, and for one answer; it may run `du` on a busy disk.
PATIENCE_SECONDS, ANSWER_SECONDS = 15.0, 10.0
_PROPERTIES = ("ActiveState", "UnitFileState")


class ExporterError(Exception):
    """An exporter does not answer; the message says what to do."""


@dataclass(frozen=True)
class Exporter:
    """One of the distribution's: the packages, and the unit that they bring."""

    packages: tuple[str, ...]
    unit: str

    @property
    def drop_in(self) -> str:
        """The path of what changes the package's unit."""
        return f"/etc/systemd/system/{self.unit}.d/asgi-fleet.conf"


EXPORTERS = {
    HOST: Exporter(
        # The second counts updates that wait, and tells whether a reboot does.
        ("prometheus-node-exporter", "prometheus-node-exporter-collectors"),
        "prometheus-node-exporter.service",
    ),
    NGINX: Exporter(("prometheus-nginx-exporter",), "prometheus-nginx-exporter.service"),
}


@dataclass(frozen=True)
class Wish:
    """What an application wants.

    Attributes:
        application: Its name.
        wanted: Of `EXPORTERS`.
        addresses: Where each exporter listens, such as `127.0.0.1:9100`.
        status: Where nginx counts itself, a URL.
    """

    application: str
    wanted: Collection[str]
    addresses: Mapping[str, str]
    status: str

    def drop_in(self, name: str) -> str:
        """Return what has a package's unit listen on loopback alone."""
        arguments = [f"--web.listen-address={self.addresses[name]}"]
        if name == NGINX:
            arguments.append(f"--nginx.scrape-uri={self.status}")
        return DROP_IN.format(header=HEADER, arguments=" ".join(arguments))


DROP_IN = """\
# On loopback alone; the endpoint of an application's metrics passes on what it says.
# {header}
[Unit]
# That of nginx ends at once while nginx does not run.
StartLimitIntervalSec=0

[Service]
# By the package's own file of options it would listen to everybody.
EnvironmentFile=
Environment="ARGS={arguments}"
RestartSec=5
NoNewPrivileges=yes
"""


@dataclass
class Plan:
    """What to do, by names of `EXPORTERS`.

    Attributes:
        write: The drop-ins that differ, by path.
        before: What was there.
        ours: What is or will be asgi.fleet's, and is wanted here.
        kept: What is wanted and runs already, as somebody else has set it up.
        leave: What nobody wants any more.
        counts: Whether nginx must count itself.
    """

    write: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    ours: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    leave: list[str] = field(default_factory=list)
    counts: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything changes."""
        return bool(self.write or self.leave)

    @property
    def packages(self) -> list[str]:
        """What must be installed."""
        return [package for name in self.ours for package in EXPORTERS[name].packages]

    def diff(self) -> list[dict[str, str]]:
        """Return Ansible's diff."""
        gone = {EXPORTERS[name].drop_in: "" for name in self.leave}
        return [
            {
                "before_header": path,
                "after_header": path,
                "before": self.before.get(path, ""),
                "after": text,
            }
            for path, text in sorted((self.write | gone).items())
        ]


def needed_elsewhere(application: str, root: str = "/") -> set[str]:
    """Return the addresses that the endpoints of other applications of this host pass on."""
    found: set[str] = set()
    for path in glob.glob(os.path.join(glob.escape(root), "etc/*/metrics.json")):
        if os.path.basename(os.path.dirname(path)) == application:
            continue
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(read_text(path))["exporters"].values()
            found |= {str(address) for address in told}
    return found


def plan(
    wish: Wish,
    found: Mapping[str, str],
    states: Mapping[str, Mapping[str, str]],
    listening: Iterable[Listener],
    elsewhere: Collection[str],
) -> Plan:
    """Decide what to do. Pure.

    Args:
        wish: What the application wants.
        found: The drop-ins that are there, by path.
        states: The units' `ActiveState` and `UnitFileState`, by their names.
        listening: What listens on this host.
        elsewhere: Of `needed_elsewhere`.
    """
    todo = Plan(before=dict(found))
    taken = {one.port: one.unit for one in listening if one.protocol == "tcp"}
    for name, exporter in EXPORTERS.items():
        address = wish.addresses[name]
        is_ours = HEADER in found.get(exporter.drop_in, "")
        if name not in wish.wanted:
            if is_ours and address not in elsewhere:
                todo.leave.append(name)
            todo.counts |= name == NGINX and is_ours and address in elsewhere
            continue
        state = states.get(exporter.unit, {})
        runs = state.get("ActiveState") == "active" or state.get("UnitFileState") == "enabled"
        holder = taken.get(int(address.rpartition(":")[2]), exporter.unit)
        if not is_ours and (runs or holder != exporter.unit):
            todo.kept.append(name)
            continue
        todo.ours.append(name)
        todo.counts |= name == NGINX
        if found.get(exporter.drop_in) != wish.drop_in(name):
            todo.write[exporter.drop_in] = wish.drop_in(name)
    return todo


def look(wish: Wish, root: str = "/") -> Plan:
    """Look at this host, and decide."""
    paths = [exporter.drop_in for exporter in EXPORTERS.values()]
    found = {
        path: read_text(there)
        for path in paths
        if os.path.exists(there := os.path.join(root, path.lstrip("/")))
    }
    elsewhere = needed_elsewhere(wish.application, root)
    return plan(wish, found, _states(), listeners() if wish.wanted else (), elsewhere)


def _states() -> dict[str, dict[str, str]]:
    units = [exporter.unit for exporter in EXPORTERS.values()]
    properties = ",".join(("Id", *_PROPERTIES))
    shown = systemd.systemctl("show", f"--property={properties}", *units, check=False)
    blocks = [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in shown.strip().split("\n\n")
    ]
    return {block.get("Id", ""): block for block in blocks}


def carry_out(todo: Plan, root: str = "/") -> None:
    """Write and remove drop-ins. What nobody wants any more does not start again either.

    Raises:
        Refusal: systemd's.
    """
    gone = [EXPORTERS[name] for name in todo.leave]
    # Before its drop-in: at the next boot the package's unit would listen to everybody.
    systemd.for_units("disable", [one.unit for one in gone], "--now")
    for one in gone:
        path = os.path.join(root, one.drop_in.lstrip("/"))
        os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(path))
    for path, text in todo.write.items():
        there = os.path.join(root, path.lstrip("/"))
        os.makedirs(os.path.dirname(there), mode=0o755, exist_ok=True)
        write_file(there, text, 0o644)
    if todo:
        systemd.reload()
        changed = [one.unit for one in EXPORTERS.values() if one.drop_in in todo.write]
        # Not try-restart, which fails for a unit that is not installed yet.
        states = _states() if changed else {}
        runs = [unit for unit in changed if states.get(unit, {}).get("ActiveState") == "active"]
        systemd.for_units("restart", runs)


def idle(todo: Plan) -> list[str]:
    """Return the units of ours that do not run, or would not after a boot."""
    states = _states()
    wanted = {"ActiveState": "active", "UnitFileState": "enabled"}
    units = [EXPORTERS[name].unit for name in todo.ours]
    return [unit for unit in units if not wanted.items() <= states.get(unit, {}).items()]


def start(todo: Plan, wish: Wish) -> list[str]:
    """Start what does not run, and see that all answer; return the units that were started.

    Raises:
        ExporterError: One does not answer.
        Refusal: systemd's.
    """
    units = idle(todo)
    systemd.for_units("enable", units, "--now")
    for name in (*todo.ours, *todo.kept):
        _prove(name, wish.addresses[name], is_ours=name in todo.ours)
    return units


def _prove(name: str, address: str, *, is_ours: bool) -> None:
    unit = EXPORTERS[name].unit
    deadline = time.monotonic() + (PATIENCE_SECONDS if is_ours else 0.0)
    while reason := silence(name, address, unit if is_ours else ""):
        if time.monotonic() >= deadline:
            raise ExporterError(_advice(name, unit, address, reason, is_ours=is_ours))
        time.sleep(0.2)


def silence(name: str, address: str, unit: str) -> str:
    """Return why an exporter is not of use yet; empty if it is."""
    if unit and systemd.show(unit)["ActiveState"] != "active":
        return "it does not run"
    host, _colon, port = address.rpartition(":")
    try:
        connection = http.client.HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    if answer.status != 200:
        return f"status {answer.status}"
    return "nginx does not tell it what it counts" if name == NGINX and _is_down(text) else ""


def _is_down(text: bytes) -> bool:
    return b"\nnginx_up 1" not in text


def _advice(name: str, unit: str, address: str, reason: str, *, is_ours: bool) -> str:
    here = f"{unit} does not answer at {address} ({reason})"
    other = f"gunicorn_service_metrics_exporters: {{{name}: <address:port>}}"
    if is_ours:
        return (
            f"{here}; expected the exporter of the distribution there; journalctl -u {unit} -n 20 "
            f"on the host says why; name another one by {other}, or leave {name} out of "
            "app_metrics.exporters"
        )
    return (
        f"somebody else has set up an exporter on this host already, and {here}; expected it "
        f"there, since it is not changed; say where it is by {other}, or leave {name} out of "
        "app_metrics.exporters"
    )
