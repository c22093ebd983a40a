"""What root reads, opens and waits for: no application and no other account holds it up.

Each of these was seen to fail without its defence: with the locks in /var/lib/<app>, /opt/<app> and
/run/lock, with reports read by open(), with timeouts that count for each read, and with modules
that do not look whether their controller is there.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from events import ROOT, Shop

#: One host is enough: the code is the same on both, and sudo 1.9.16 has a terminal of its own.
HOST = "trust-trixie"
#: Seconds that anything may take that a hostile application tries to hold up, with Ansible's own.
BOUND = 30

#: Holds each file that it can open, until its input ends.
LOCKER = """
import fcntl, os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = 0
for place in ("/run", "/var", "/opt", "/etc", "/tmp"):
    for folder, below, names in os.walk(place):
        # Thousands of files that are no locks.
        below[:] = set(below) - {"releases", "archive-v0", "dpkg"}
        for name in names:
            try:
                file = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK)
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held += 1
            except OSError:
                pass
print(held, flush=True)
sys.stdin.read()
"""

#: A slow version: its workers start to serve after some seconds.
SLOW_START = """
import asyncio
_own = app
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await asyncio.sleep(8)
    await _own(scope, receive, send)
"""

#: Once a file of its own says so, it answers with a byte now and then.
DRIPPING = """
import asyncio
import pathlib
_own = app
_drip = pathlib.Path("/var/lib/shop/state/drip")
async def app(scope, receive, send):
    if scope["type"] != "http" or not _drip.exists():
        return await _own(scope, receive, send)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while _drip.exists():
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b""})
"""

#: Clears the screen and renames the window of whoever reads its journal or its answers.
STEERING = r"""
print("\x1b[2J\x1b]0;journal\x07", flush=True)
_own = app
async def app(scope, receive, send):
    if scope["type"] != "http":
        return await _own(scope, receive, send)
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": "\x1b[2J\x9b31m\u202eanswer".encode()})
"""

#: What a worker's report may be instead: made at $1 by the application's own user.
REPORTS = {
    "mkfifo $1": "is a named pipe; a file is expected",
    "ln -s /etc/shadow $1": "is a link; a file is expected",
    "truncate --size 1G $1": "has 1073741824 bytes; at most 8192 are expected",
    "echo '{\"status\": 200, ' > $1": "is not JSON",
    "printf %8000s | tr ' ' '[' > $1": "is not JSON",
    'echo \'{"status": "200", "answer": 1}\' > $1': "has no status and answer",
}


@pytest.fixture
def slot(shop: Shop) -> str:
    """The live slot's folder of reports, which is put back as it was."""
    return "/run/shop/" + shop.live(HOST).split()[0]


@contextmanager
def locking_everything(shop: Shop, user: str) -> Iterator[subprocess.Popen[str]]:
    """Have an account hold whatever it can open."""
    script = f"runuser -u {user} -- timeout 300 python3 -c {shlex.quote(LOCKER)}"
    locker = subprocess.Popen(
        [*shop.ssh[HOST], script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert locker.stdin is not None
    assert locker.stdout is not None
    try:
        assert int(locker.stdout.readline()) > 0
        yield locker
    finally:
        locker.stdin.close()
        locker.wait(timeout=20)


def test_locks_of_other_accounts_hold_nothing_up(shop: Shop) -> None:
    """A release with hooks, its build and its activation, while two accounts hold all they can."""
    source = shop.new_version()
    hooks = {phase: ["true"] for phase in ("before_rollout", "before_activate")}
    with locking_everything(shop, "nobody"), locking_everything(shop, "shop") as locker:
        began = time.monotonic()
        shop.succeed("deploy", app_source=source, app_hooks=hooks, limit=HOST)
        # Not because the others were done.
        assert locker.poll() is None
        assert time.monotonic() - began < 120
    shop.variables["app_source"] = source
    folder, *locks = shop.shell("stat -c %a:%U /run/asgi-fleet /run/asgi-fleet/*", HOST).split()
    # Other applications of the host have theirs there too.
    assert (folder, set(locks)) == ("700:root", {"600:root"})
    assert len(locks) >= 3
    found = "find /opt/shop /var/lib/shop /run/lock -maxdepth 1 -name '*.lock' -mmin -5"
    assert shop.shell(found, HOST) == ""


def look(shop: Shop) -> dict[str, Any]:
    """Return the state of the application as the module tells it, which must not hang."""
    inventories = [part for part in shop.command("status") if part.startswith("--inventory=")]
    output = subprocess.run(
        [*("ansible", HOST, *inventories), *("-m", "asgi.fleet.app_info", "-a", "name=shop")],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND,
    ).stdout
    assert "SUCCESS" in output, output
    state: dict[str, Any] = json.loads(output.partition("=>")[2])["state"]
    return state


def test_report_that_is_none_is_named_and_holds_nothing_up(shop: Shop, slot: str) -> None:
    """Each kind of file that an application can put in the place of its workers' reports."""
    shop.shell(f"cp -a {slot} /root/reports", HOST)
    try:
        pids = sorted(worker["pid"] for worker in look(shop)["workers"])
        kinds = list(REPORTS.items())
        while kinds:
            expected = dict(zip(pids, (kinds.pop(), kinds.pop()), strict=True))
            for pid, (script, _) in expected.items():
                path = f"{slot}/worker-{pid}.json"
                made = f"rm -f {path}; {script.replace('$1', path)}"
                shop.shell(f"runuser -u shop -- sh -c {shlex.quote(made)}", HOST)
            state = look(shop)
            for worker in state["workers"]:
                told = expected[worker["pid"]][1]
                path = f"{slot}/worker-{worker['pid']}.json"
                assert worker["problem"] == f"worker report {path}: {told}"
                assert not worker["healthy"]
        shop.shell(f"rm {slot}/*; mkfifo {slot}/worker-{pids[0]}.json", HOST)
        many = f"seq --format '{slot}/worker-9%.0f.json' 20000 | xargs mkfifo"
        shop.shell(f"runuser -u shop -- sh -c {shlex.quote(many)}", HOST)
        named = f"worker report {slot}/worker-{pids[0]}.json: is a named pipe; a file is expected"
        for playbook, code in (("status", 0), ("verify", 2)):
            began = time.monotonic()
            result = shop.play(playbook, limit=HOST)
            assert time.monotonic() - began < BOUND
            assert (result.returncode, named in result.stdout) == (code, True), result.stdout
            assert "Traceback" not in result.stdout
    finally:
        back = f"cp -a /root/reports/. {slot} && rm -r /root/reports"
        shop.shell(f"find {slot} -mindepth 1 -delete; {back}", HOST)
    assert all(worker["healthy"] for worker in look(shop)["workers"])


def test_answer_that_never_ends_holds_up_neither_status_nor_replacement(shop: Shop) -> None:
    """A live application that drips its answers: it is looked at, and replaced."""
    shop.succeed("release", app_source=shop.new_version(DRIPPING), limit=HOST)
    drip = "/var/lib/shop/state/drip"
    shop.shell(f"runuser -u shop -- touch {drip}", HOST)
    try:
        began = time.monotonic()
        assert "NO ANSWER" in shop.play("status", limit=HOST).stdout
        assert time.monotonic() - began < BOUND
        began = time.monotonic()
        shop.succeed("release", app_source=shop.new_version(), limit=HOST)
        assert time.monotonic() - began < 60
    finally:
        shop.shell(f"rm -f {drip}", HOST)


def test_text_of_an_application_steers_no_terminal(shop: Shop) -> None:
    """A refused version whose journal and answers are full of escape sequences."""
    told = shop.play(
        "release", app_source=shop.new_version(STEERING), app_health_timeout=20, limit=HOST
    ).stdout
    assert r"\x1b[2J\x1b]0;journal\x07" in told.replace("\\\\", "\\")
    assert r"\x1b[2J\x9b31m\u202eanswer" in told.replace("\\\\", "\\")
    assert not set(told) & {"\x1b", "\x9b", "\x07", "\u202e"}


def descendants(pid: int) -> list[int]:
    """Return the processes below one, in any session."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for parent in found:
        found += [child for child, of in parents.items() if of == parent]
    return found[1:]


def interrupt(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C at the controller."""
    os.killpg(process.pid, signal.SIGINT)


def cut(process: subprocess.Popen[str]) -> None:
    """The connection breaks: this run's own clients of SSH die."""
    clients = [
        pid
        for pid in descendants(process.pid)
        if Path(f"/proc/{pid}/comm").read_text().strip() == "ssh"
    ]
    assert clients
    for pid in clients:
        os.kill(pid, signal.SIGKILL)


End = Callable[[subprocess.Popen[str]], None]


@pytest.mark.parametrize(
    ("end", "settings"),
    [
        (interrupt, {}),
        (cut, {}),
        # sudo with a terminal of its own, and no pipelining: a terminal on the host.
        (cut, {"ANSIBLE_BECOME_ALLOW_SAME_USER": "true"}),
        (interrupt, {"ANSIBLE_PIPELINING": "false"}),
    ],
    ids=["interrupt", "cut", "cut-sudo", "interrupt-terminal"],
)
def test_nothing_is_switched_once_the_controller_has_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, end: End, settings: dict[str, str]
) -> None:
    """The slot of a release is starting when its controller goes: it is put away instead."""
    live = shop.live(HOST)
    idle = "green" if live.startswith("blue") else "blue"
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    source = shop.new_version(SLOW_START)
    began = shop.shell("date +%s", HOST)
    process = subprocess.Popen(
        # The run before it left its lock behind.
        shop.command("release", app_source=source, fleet_take_over_lock=True, limit=HOST),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    started = f"until systemctl -q is-active shop@{idle}.socket; do sleep 0.1; done"
    shop.shell(f"timeout 60 sh -c '{started}'; sleep 1", HOST)
    end(process)
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0, output
    # The old slot is live and the only one, and the module has ended: not before the new version's
    # process, which heeds SIGTERM only once it has started.
    ended = f"""
        while systemctl list-units --plain --no-legend 'shop@{idle}.*' | grep -q ' active ' \
          || pgrep -f 'AnsiballZ_slo[t]|^/usr/bin/python3$' > /dev/null; do sleep 0.2; done
        """
    shop.shell(f'timeout 20 sh -c "{ended}"', HOST)
    enabled = shop.shell(f"systemctl is-enabled shop@{idle}.service", HOST, check=False)
    assert enabled == "disabled"
    assert shop.live(HOST) == live
    # Without pipelining Ansible itself leaves the module and its arguments in root's own folder.
    shop.shell("rm -rf /root/.ansible/tmp", HOST)
    told = f"journalctl --since @{began} --grep 'shop: the controller is gone: it was interrupted'"
    assert "asgi.fleet" in shop.shell(told, HOST)


def test_next_run_converges(shop: Shop) -> None:
    """After all that was cut, a release takes the abandoned lock over and is live."""
    source = shop.new_version()
    shop.succeed("release", app_source=source, fleet_take_over_lock=True, limit=HOST)
    shop.variables.clear()
    shop.succeed("release")
    assert shop.ask("/healthz")
