"""What an operator is told of timers, and that none of them fails a rollout."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from events import Shop
from recorder import FIRST, TIMERS, runs, timer, unfinished

#: Seldom: while a run goes on, systemd does not tell how the one before has ended.
BAD = {**timer("bad", 0, "*:*:0/15"), "command": "echo no such report >&2; exit 3"}
LAST = timer("last", 6)


def slot(shop: Shop) -> str:
    """Return the slot that is live on the first host."""
    return shop.live(FIRST).split()[0]


def test_failing_timer_fails_no_rollout_but_is_found(shop: Shop) -> None:
    before = slot(shop)
    shop.variables["app_timers"] = [*TIMERS, BAD, LAST]
    shop.succeed("release")
    assert slot(shop) != before, "a timer that is added is a change"
    time.sleep(18)
    found = shop.play("verify").stdout
    assert "the last run of the timer bad failed: exit status 3; to do: journalctl -u" in found
    table = shop.succeed("status")
    lines = [line for line in table.splitlines() if line.startswith("shop: timer ")]
    print(*lines, sep="\n")
    bad = next(line for line in lines if "timer bad: next 2" in line)
    assert bad.endswith("failed on timer1, timer2")
    # Of one that runs just now systemd does not say when it is next due.
    only = next(line for line in lines if "timer only: next " in line)
    assert only.partition(" on ")[2].startswith(f"{FIRST};")
    logs = shop.succeed("logs", logs_timer="bad", logs_lines=50)
    assert "timer-bad: no such report" in logs
    assert "timer-tick" not in logs


def test_removed_timer_lets_its_run_end(shop: Shop) -> None:
    unit, before = "shop@timer-last", slot(shop)
    shop.variables["app_timers"] = TIMERS
    shop.succeed("release")
    assert slot(shop) != before, "a timer that is removed is a change"
    assert not shop.shell(f"ls /etc/systemd/system/{unit}.timer 2>/dev/null || true", FIRST)
    time.sleep(8)
    notes = shop.shell("cat /var/lib/shop/state/last", FIRST).splitlines()
    assert [line.split()[0] for line in notes[-2:]] == ["begin", "end"]
    # The next run of any rollout takes away what the run still needed.
    shop.succeed("release")
    assert not shop.shell(f"ls /etc/systemd/system/{unit}.service 2>/dev/null || true", FIRST)


def test_run_that_keeps_the_next_one_waiting_is_found(shop: Shop) -> None:
    # It is due again after 20 s at most, and 60 s later that is told: there must be time to ask.
    while not (begun := unfinished(shop, "slow", FIRST)) or time.time() - begun[-1][1] > 82:
        time.sleep(1)
    time.sleep(max(0.0, begun[-1][1] + 82 - time.time()))
    told = shop.play("verify").stdout
    assert "a run of the timer slow goes on, and the next is due since 2" in told
    table = shop.succeed("status")
    line = next(line for line in table.splitlines() if "shop: timer slow:" in line)
    print(line)
    assert f"runs now on {FIRST}" in line
    assert "; due since 2" in line


def test_schedule_that_only_a_host_can_judge_is_refused_there(shop: Shop) -> None:
    for name, schedule, told in (
        ("olympus", "02:30 Europe/Olympus", "which the systemd of this host does not understand ("),
        ("past", "2020-01-01", "which never elapses on this host; expected one that will"),
    ):
        shop.refuse(
            "release",
            f"app_timers[{name}].schedule is {schedule}, {told}",
            app_timers=[*TIMERS, timer(name, 0, schedule)],
        )


def test_date_that_has_come_stops_no_rollout(shop: Shop) -> None:
    once = datetime.fromtimestamp(time.time() + 45, timezone.utc)
    shop.variables["app_timers"] = [
        *TIMERS,
        timer("day", 0, f"{once:%Y-%m-%d %H:%M:%S} UTC", persistent=True),
    ]
    shop.succeed("release")
    time.sleep(max(0.0, once.timestamp() + 2 - time.time()))
    assert len(runs(shop, "day", FIRST)) == 1
    shop.succeed("restart")
    assert "shop: timer day: next never again on " in shop.succeed("status")
    assert "the timer day elapses never again" in shop.play("verify").stdout
    assert len(runs(shop, "day", FIRST)) == 1
    shop.variables["app_timers"] = TIMERS
    shop.succeed("release")
