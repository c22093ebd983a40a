"""Rollouts that do not get to their end, and a host that was down: timers follow what is live."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

from events import ROOT, Shop
from recorder import (
    FIRST,
    HOSTS,
    SECOND,
    SELDOM,
    TIMERS,
    elapsing,
    podman,
    runs,
    timer,
    unfinished,
    units,
    wait_for_boot,
)

UNHEALTHY_ON_SECOND = f"""
import socket
from starlette.responses import PlainTextResponse
from starlette.routing import Route

if socket.gethostname() == "{SECOND}":
    app.router.routes.insert(
        0, Route("/healthz", lambda request: PlainTextResponse("no index", status_code=503))
    )
"""
#: Stops the module that takes a removed timer away: after the rename, before any timer follows.
FREEZE = """
cp /usr/bin/systemctl /run/systemctl.real
cat >/run/systemctl.freezing <<'END'
#!/bin/sh
case "$*" in
  *disable*shop@timer-gone.timer*)
    kill -STOP $PPID
    echo $PPID $$ >/run/frozen
    exec sleep 600 ;;
esac
exec /run/systemctl.real "$@"
END
chmod 755 /run/systemctl.freezing
mount --bind /run/systemctl.freezing /usr/bin/systemctl
"""


def test_revert_of_the_whole_fleet_takes_timers_back(shop: Shop) -> None:
    live = [shop.live(host) for host in HOSTS]
    before = [units(shop, host) for host in HOSTS]
    names = [elapsing(shop, host) for host in HOSTS]
    good = live[0].split()[1]
    changed = [timer("tick", 0.2, "*:*:0/2"), *TIMERS[2:], timer("extra", 0.1)]
    began = time.time()
    told = shop.play(
        "release",
        app_source=shop.new_version(UNHEALTHY_ON_SECOND),
        app_timers=changed,
        app_health_timeout=25,
        fleet_waves=[1, "100%"],
    )
    assert told.returncode != 0
    assert re.search(rf"{FIRST} .* reverted", told.stdout), told.stdout[-6000:]
    assert [shop.live(host) for host in HOSTS] == live
    assert [units(shop, host) for host in HOSTS] == before
    assert [elapsing(shop, host) for host in HOSTS] == names
    assert shop.shell("ls /var/lib/systemd/timers/*extra* 2>/dev/null || true") == ""
    bad = [run for run in runs(shop, "tick", FIRST) if run.release != good and run.began > began]
    print(f"{len(bad)} runs of the bad release, until it was reverted")
    assert bad
    ended = time.time()
    time.sleep(3)
    since = [run.release for run in runs(shop, "tick", FIRST) if run.began > ended]
    assert len(since) >= 2
    assert set(since) == {good}


def test_next_run_completes_what_a_killed_one_has_left(shop: Shop) -> None:
    """The controller and its module die between the cut-over and the timers."""
    shop.succeed("release", app_timers=[*TIMERS, timer("gone", 0.1)])
    assert "gone" in elapsing(shop, FIRST)
    shop.variables["app_source"] = shop.new_version()
    shop.shell(FREEZE, FIRST)
    try:
        process = subprocess.Popen(
            shop.command("release"),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        shop.shell("timeout 60 sh -c 'until test -s /run/frozen; do sleep 0.1; done'", FIRST)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        shop.shell("umount /usr/bin/systemctl; kill -KILL $(cat /run/frozen)", FIRST)
    slot, release = shop.live(FIRST).split()
    found = units(shop, FIRST)
    assert "shop@timer-gone.timer" in found
    assert f"release {release}" not in found["shop@timer-tick.service"], "it died too late"
    shop.succeed("release", fleet_take_over_lock=True)
    assert shop.live(FIRST).split() == [slot, release], "it had only the timers left to do"
    found = units(shop, FIRST)
    assert f"release {release}" in found["shop@timer-tick.service"]
    assert "shop@timer-gone.timer" not in found
    assert "gone" not in elapsing(shop, FIRST)
    # Nothing is left to do, nor to be said.
    assert "timer-gone" not in shop.succeed("verify")


def test_host_that_was_down_makes_up_for_what_it_missed_once(shop: Shop) -> None:
    container = "-".join(filter(None, (os.environ.get("FLEET_LAB"), SECOND)))
    podman("stop", "--time=20", container)
    stopped = time.time()
    # Two elapses are missed, and the next is not due while it boots.
    time.sleep(SELDOM - stopped % SELDOM + SELDOM + 1)
    podman("start", container)
    wait_for_boot(shop, SECOND)
    booted = time.time()
    time.sleep(SELDOM + 1)
    found = [run.began for run in runs(shop, "missed", SECOND) if run.began > stopped]
    print(
        f"down for {booted - stopped:.0f} s and two elapses; the run that makes up for them began "
        f"{found[0] - booted:+.1f} s after the boot"
    )
    assert found[0] < booted + 2
    # One in each time between two elapses: that one, and then the others when they are due.
    slots = [int(moment // SELDOM) for moment in found]
    assert slots == list(range(slots[0], slots[0] + len(found)))
    assert len(found) >= 2
    assert unfinished(shop, "missed", SECOND) == []
    assert not elapsing(shop, SECOND) & {"only", "alone"}
