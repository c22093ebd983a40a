"""What the tests of faults have in common: runs that fail, and a host that runs short."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from events import ROOT, Shop

#: Lines at the end of a run's output that an operator reads.
SCREEN = 20
#: A slow version: its workers start to serve after some seconds.
SLOW_START = """
import asyncio
_own = app
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await asyncio.sleep(5)
    await _own(scope, receive, send)
"""


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
