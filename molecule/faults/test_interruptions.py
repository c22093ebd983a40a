"""A run that ends in the middle: nothing of it acts later, the next one converges.

The tests run in their order, after those of test_faults.py; the last but one looks at the totals.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time

from events import ROOT, Load, Shop
from runs import SLOW_START, assert_alone, converge, screen, starting, wait_for_drain


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
