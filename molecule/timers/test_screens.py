"""What an operator is told of timers, and that none of them fails a rollout."""

from __future__ import annotations

import time

from events import Shop
from recorder import TIMERS, timer

#: Seldom: while a run goes on, systemd does not tell how the one before has ended.
BAD = {**timer("bad", 0, "*:*:0/15"), "command": "echo no such report >&2; exit 3"}
LAST = timer("last", 6)


def test_failing_timer_fails_no_rollout_but_is_found(shop: Shop) -> None:
    """And one that is removed while it runs ends by itself."""
    shop.variables["app_timers"] = [*TIMERS, BAD, LAST]
    shop.succeed("release")
    time.sleep(18)
    found = shop.play("verify").stdout
    assert "the last run of the timer bad failed: exit status 3; to do: journalctl -u" in found
    table = shop.succeed("status")
    print(*[line for line in table.splitlines() if "timer" in line], sep="\n")
    assert "shop: timer bad: next 2" in table
    assert "shop: timer only: next 2" in table
    logs = shop.succeed("logs", logs_timer="bad", logs_lines=50)
    assert "timer-bad: no such report" in logs
    assert "timer-tick" not in logs


def test_removed_timer_lets_its_run_end(shop: Shop) -> None:
    unit = "shop@timer-last"
    shop.variables["app_timers"] = TIMERS
    shop.succeed("release")
    host = shop.hosts[0]
    assert not shop.shell(f"ls /etc/systemd/system/{unit}.timer 2>/dev/null || true", host)
    time.sleep(8)
    notes = shop.shell("cat /var/lib/shop/state/last", host).splitlines()
    assert [line.split()[0] for line in notes[-2:]] == ["begin", "end"]
    # The next run of any rollout takes away what the run still needed.
    shop.succeed("release")
    assert not shop.shell(f"ls /etc/systemd/system/{unit}.service 2>/dev/null || true", host)


def test_schedule_that_only_a_host_can_judge_is_refused_there(shop: Shop) -> None:
    shop.variables["app_timers"] = [timer("mars", 0, "02:30 Mars/Olympus")]
    shop.refuse(
        "release",
        "app_timers[mars].schedule is 02:30 Mars/Olympus, which the systemd of this host does not",
    )
    shop.variables["app_timers"] = TIMERS
