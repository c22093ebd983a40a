"""What goes wrong on a host, under light load: the old release serves, the next run converges.

The tests run in their order on one host, and each leaves it as it was. Each reads the end of what
the run has printed, as an operator does: what happened, and what to do next.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from events import ROOT, Load, Shop

#: Lines at the end of a run's output that an operator reads.
SCREEN = 20
#: At most one request on each of the generator's connections.
CONNECTIONS = 16
#: A slow version: its workers start to serve after some seconds.
SLOW_START = """
import asyncio
_own = app
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await asyncio.sleep(5)
    await _own(scope, receive, send)
"""
#: A version with a leak that can be triggered.
LEAKING = """
from starlette.responses import PlainTextResponse
from starlette.routing import Route

_leaked = []

async def leak(request):
    while True:
        _leaked.append(b"x" * (16 << 20))

app.router.routes.insert(0, Route("/leak", leak))
"""


@pytest.fixture(autouse=True)
def drained(shop: Shop) -> None:
    """Begin with the live slot alone: what it replaced may still be draining."""
    wait_for_drain(shop)


def wait_for_drain(shop: Shop) -> None:
    """Wait until only the live slot runs."""
    other = idle(shop)
    running = f"systemctl -q is-active shop@{other}.service shop@{other}.socket"
    shop.shell(f"timeout 60 sh -c 'while {running}; do sleep 0.2; done'")


def screen(output: str) -> str:
    """Return what an operator reads of a run that ended."""
    return "\n".join(output.rstrip().splitlines()[-SCREEN:])


def another_lock(shop: Shop) -> dict[str, Any]:
    """Make a version whose environment cannot be copied from the release before."""
    lock = (ROOT / "app" / "requirements.txt").read_text()
    return shop.new_version(requirements=f"{lock}# {time.time_ns()}\n")


def idle(shop: Shop) -> str:
    """Return the slot that is not live."""
    return "green" if shop.live().startswith("blue") else "blue"


def refused(shop: Shop, *told: str, **extra: object) -> str:
    """Run a release that must be refused: the old one stays, alone, and the lock is free."""
    began = time.time()
    live = shop.live()
    result = shop.play("release", **extra)
    print(f"refused after {time.time() - began:.0f} s:\n{screen(result.stdout)}\n")
    assert result.returncode != 0, result.stdout[-6000:]
    for text in told:
        assert text in screen(result.stdout), f"{text!r} is not in:\n{result.stdout[-6000:]}"
    assert "Traceback" not in result.stdout
    assert shop.live() == live
    assert_alone(shop)
    assert shop.shell("cat /var/lib/shop/rollout.lock", check=False) == ""
    return result.stdout


def assert_alone(shop: Shop) -> None:
    """Only the live slot runs, or starts with the host."""
    other = idle(shop)
    units = f"shop@{other}.socket shop@{other}.service"
    assert shop.shell(f"systemctl is-active {units}", check=False).split() in (
        ["inactive", "inactive"],
        ["inactive", "failed"],
    )
    assert "enabled" not in shop.shell(f"systemctl is-enabled {units}", check=False).split()


def converge(shop: Shop, **extra: object) -> None:
    """Run a release that must succeed; the same again has nothing to do."""
    shop.succeed("release", **extra)
    again = {**extra, "fleet_take_over_lock": False}
    assert re.search(r"faults .* changed=0 ", shop.succeed("release", **again))
    assert shop.ask("/healthz")


@contextmanager
def small_disk(shop: Shop, folder: str, spare: str, inodes: int = 0) -> Iterator[None]:
    """Have a folder on a file system of its own, with little to spare.

    Args:
        shop: The application.
        folder: The folder; it has the same files before, meanwhile and after.
        spare: Bytes that are free, as numfmt(1) reads them.
        inodes: Files that can still be made; 0 for any number.
    """
    shop.shell(f"""
        set -e
        mkdir -p {folder} /mnt/under /mnt/small
        size=$(( $(du -s --block-size=1 {folder} | cut -f 1) + $(numfmt --from=iec {spare}) ))
        files={inodes}
        test $files = 0 || files=$(( $(du -s --inodes {folder} | cut -f 1) + 1 + files ))
        mount -t tmpfs -o size=$size,nr_inodes=$files,mode=755 tmpfs /mnt/small
        cp -a {folder}/. /mnt/small
        chown --reference={folder} /mnt/small
        chmod --reference={folder} /mnt/small
        mount --bind {folder} /mnt/under
        # Or what is mounted over the folder would be mounted here too.
        mount --make-private /mnt/under
        mount --bind /mnt/small {folder}
        umount /mnt/small
        """)
    try:
        yield
    finally:
        shop.shell(f"""
            rm -rf {folder}/fill
            cp -a --remove-destination {folder}/. /mnt/under
            umount --lazy {folder}
            umount /mnt/under
            rmdir /mnt/under /mnt/small
            """)


def test_killed_nginx_is_back_in_seconds(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.shell("systemctl kill --signal=KILL nginx.service")
    time.sleep(5)
    failures = load.failures(since=began)
    last = max((event["time"] - began for event in failures), default=0)
    print(f"nginx killed: {len(failures)} failed, the last after {last:.1f} s")
    assert last < 4
    assert shop.ask("/healthz")


def test_stopped_worker_is_replaced(shop: Shop, load: Load) -> None:
    began = time.time()
    pid = shop.ask("/whoami")["pid"]
    shop.shell(f"kill -STOP {pid}")
    gone = f"timeout 40 sh -c 'while kill -0 {pid} 2>/dev/null; do sleep 0.2; done'"
    shop.shell(gone)
    seconds = time.time() - began
    failures = load.failures(since=began)
    print(f"stopped worker: replaced after {seconds:.1f} s, {len(failures)} failed")
    # Only what it had begun to serve.
    assert len(failures) <= CONNECTIONS
    time.sleep(3)
    assert "2 of 2" in shop.succeed("status")


def test_stopped_master_keeps_serving_and_is_replaced(shop: Shop, load: Load) -> None:
    began = time.time()
    slot = shop.live().split()[0]
    shop.shell(f"kill -STOP $(systemctl show -P MainPID shop@{slot}.service)")
    time.sleep(3)
    assert load.failures(since=began) == []
    shop.variables["app_source"] = shop.new_version()
    converge(shop)
    wait_for_drain(shop)
    assert load.failures(since=began) == []


@pytest.mark.parametrize("inodes", [0, 300], ids=["bytes", "inodes"])
def test_release_on_a_full_opt_is_refused(shop: Shop, load: Load, inodes: int) -> None:
    """A copied environment, and one that uv installs."""
    began = time.time()
    source = another_lock(shop) if inodes else shop.new_version()
    folders = shop.shell("ls /opt/shop/releases")
    with small_disk(shop, "/opt/shop/releases", "200M" if inodes else "20M", inodes):
        refused(shop, "No space left on device", "df -h", app_source=source)
        assert shop.shell("ls /opt/shop/releases") == folders
    shop.variables["app_source"] = source
    shop.succeed("release")
    assert load.failures(since=began) == []


def test_release_with_a_full_cache_is_refused(shop: Shop, load: Load) -> None:
    began = time.time()
    folders = shop.shell("ls /opt/shop/releases")
    shop.shell("""
        mount -t tmpfs -o size=4m tmpfs /var/cache/shop-build
        echo shop > /var/cache/shop-build/.asgi.fleet
        """)
    try:
        refused(shop, "No space left on device", "df -h", app_source=another_lock(shop))
    finally:
        shop.shell("umount /var/cache/shop-build")
    assert shop.shell("ls /opt/shop/releases") == folders
    assert load.failures(since=began) == []


def test_release_without_name_resolution(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.shell("cp /etc/resolv.conf /root/; echo nameserver 192.0.2.1 > /etc/resolv.conf")
    try:
        shop.variables["app_source"] = shop.new_version()
        started = time.time()
        shop.succeed("release")
        print(f"code alone, without names: {time.time() - started:.0f} s")
        source = another_lock(shop)
        shop.shell("mv /var/cache/shop-build /var/cache/away")
        started = time.time()
        told = ("the dependencies cannot be installed", "resolve", "/etc/resolv.conf")
        refused(shop, *told, app_source=source)
        assert time.time() - started < 90
    finally:
        shop.shell("cat /root/resolv.conf > /etc/resolv.conf")
        shop.shell("rm -rf /var/cache/shop-build; mv /var/cache/away /var/cache/shop-build")
    shop.variables["app_source"] = source
    shop.succeed("release")
    assert load.failures(since=began) == []


@contextmanager
def starting(shop: Shop, **extra: object) -> Iterator[subprocess.Popen[str]]:
    """Begin a release, up to where the new version starts in the idle slot."""
    other = idle(shop)
    process = subprocess.Popen(
        shop.command("release", **extra),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    started = f"until systemctl -q is-active shop@{other}.socket; do sleep 0.1; done"
    shop.shell(f"timeout 60 sh -c '{started}'; sleep 1")
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def fails(shop: Shop, process: subprocess.Popen[str], live: str, *told: str) -> str:
    """Wait for the end of a run that fails: the release that was live still is, alone."""
    output = process.communicate(timeout=180)[0]
    print(screen(output))
    assert process.returncode != 0, output
    for text in told:
        assert text in screen(output), f"{text!r} is not in:\n{output}"
    assert "Traceback" not in output
    assert shop.live() == live
    assert_alone(shop)
    return output


#: What uses up the file system of a folder, with the files of its own that are there.
FULL = """
    for name in activations.jsonl rollouts.jsonl; do
        size=$(stat -c %s $name); yes '' | head -c $((4096 - size % 4096)) >> $name
    done
    dd if=/dev/zero of=fill bs=4096 2>/dev/null || true
    test $(df --output=avail . | tail -1) = 0
    """
NO_INODES = """
    mkdir fill; cd fill; n=0
    while touch $n 2>/dev/null; do n=$((n + 1)); done
    """


@pytest.mark.parametrize("shortage", [FULL, NO_INODES], ids=["bytes", "inodes"])
def test_var_that_fills_up_in_mid_release_switches_nothing(
    shop: Shop, load: Load, shortage: str
) -> None:
    began = time.time()
    live = shop.live()
    source = shop.new_version(SLOW_START)
    with small_disk(shop, "/var/lib/shop", "1M", 100):
        with starting(shop, app_source=source) as process:
            shop.shell(f"cd /var/lib/shop; {shortage}")
            fails(shop, process, live, "No space left on device", "df -h")
        shop.shell("rm -r /var/lib/shop/fill")
        shop.succeed("release", app_source=source)
    assert load.failures(since=began) == []


def test_worker_over_its_memory_is_replaced(shop: Shop, load: Load) -> None:
    shop.variables["app_source"] = shop.new_version(LEAKING)
    shop.succeed("release", gunicorn_service_memory_max_mb=300)
    began = time.time()
    with pytest.raises(subprocess.CalledProcessError):
        shop.ask("/leak")
    time.sleep(4)
    failures = load.failures(since=began)
    print(f"worker over its memory: {len(failures)} failed")
    # Only what it had begun to serve.
    assert len(failures) <= CONNECTIONS
    told = shop.succeed("status")
    print(told[told.index("HOST") :])
    assert "2 of 2" in told
    shop.variables["app_source"] = shop.new_version()
    shop.succeed("release")
    assert len(load.failures(since=began)) == len(failures)


def modules_end(shop: Shop) -> None:
    """Wait until no module of a run is at work on the host."""
    working = "pgrep -f '[A]nsiballZ|^/usr/bin/python3$' > /dev/null"
    shop.shell(f'timeout 60 sh -c "while {working}; do sleep 0.2; done"')


#: Where Ctrl-C is pressed: the task that has just begun, and how long after that.
CUT_AT = (
    ("Pack the source, once for all hosts", 0.2),
    ("build | Build the release in its final place", 0.3),
    ("build | Build the release in its final place", 1.2),
    ("activate | Start the release in the idle slot", 0.5),
    ("Stop the old slot, remove old releases", 0.2),
)


def test_nothing_of_an_interrupted_run_acts_later(shop: Shop, load: Load) -> None:
    began = time.time()
    for task, delay in CUT_AT:
        live = shop.live()
        wait_for_drain(shop)
        source = shop.new_version()
        process = subprocess.Popen(
            shop.command("release", app_source=source, fleet_take_over_lock=True),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if task in line:
                break
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=60)[0]
        print(f"interrupted {delay} s after {task!r}:\n{screen(output)}\n")
        assert process.returncode != 0
        modules_end(shop)
        after = shop.live()
        switched = task.startswith("Stop the old slot")
        assert (after != live) == switched
        time.sleep(2)
        assert shop.live() == after
        if not switched:
            assert_alone(shop)
    result = shop.play("release", app_source=source)
    assert result.returncode != 0
    assert "shop is locked by" in screen(result.stdout)
    assert "fleet_take_over_lock=true" in screen(result.stdout)
    converge(shop, app_source=source, fleet_take_over_lock=True)
    shop.variables["app_source"] = source
    assert load.failures(since=began) == []


#: Cuts SSH off for a minute, without a word to either side.
CUT = """
    iptables -I INPUT -p tcp --dport 22 -j DROP; iptables -I OUTPUT -p tcp --sport 22 -j DROP
    sleep 60
    iptables -D INPUT -p tcp --dport 22 -j DROP; iptables -D OUTPUT -p tcp --sport 22 -j DROP
    """


def test_ssh_cut_for_a_minute_in_the_middle_of_activate(shop: Shop, load: Load) -> None:
    began = time.time()
    live = shop.live()
    source = shop.new_version(SLOW_START)
    with starting(shop, app_source=source) as process:
        shop.shell(f"systemd-run --quiet --collect sh -c {shlex.quote(CUT)}")
        output = process.communicate(timeout=240)[0]
    print(f"SSH cut, the run took {time.time() - began:.0f} s:\n{screen(output)}")
    modules_end(shop)
    after = shop.live()
    print(f"exit status {process.returncode}: {live} -> {after}")
    assert (after != live) == (process.returncode == 0)
    time.sleep(5)
    assert shop.live() == after
    converge(shop, app_source=source, fleet_take_over_lock=True)
    shop.variables["app_source"] = source
    assert load.failures(since=began) == []


def test_totals(shop: Shop, load: Load) -> None:
    load.end()
    print(f"playbooks: {len(shop.runs)}; {load.laps}")
    assert load.total("requests") > 5000


def test_host_that_restarts_in_mid_release(shop: Shop) -> None:
    live = shop.live()
    source = shop.new_version(SLOW_START)
    with starting(shop, app_source=source) as process:
        shop.shell("systemctl reboot", check=False)
        restarted = time.time()
        output = process.communicate(timeout=240)[0]
    print(f"restarted, the run ended after {time.time() - restarted:.0f} s:\n{screen(output)}")
    while time.time() < restarted + 120:
        try:
            shop.ask("/healthz")
            break
        except subprocess.CalledProcessError:
            time.sleep(0.5)
    seconds = time.time() - restarted
    print(f"serves {seconds:.0f} s after the restart")
    # systemd kills what does not end after 90 seconds: nothing of the cut run was waited for.
    assert seconds < 60
    modules_end(shop)
    assert (shop.live() != live) == (process.returncode == 0)
    converge(shop, app_source=source, fleet_take_over_lock=True)
