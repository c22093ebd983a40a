"""A removal while a command runs: it ends the command, and nothing of either is left."""

from __future__ import annotations

from fleet import Fleet
from test_run import in_shell, is_gone, left, until

SLEEPS = "sleep 4321"


def test_removal_ends_a_command(fleet: Fleet) -> None:
    run = fleet.start("run", "-e", in_shell(f"echo began; {SLEEPS}"), "--limit", "op2")
    until(run, "began\n")
    assert SLEEPS in left(fleet, "op2")
    fleet.succeed("remove", "-e", "remove=shop", "-e", "remove_data=true", "--limit", "op2")
    try:
        # systemd forgets a transient unit a moment after it has ended.
        is_gone(fleet, 5, "op2")
        assert run.wait(30) == 2
        found = fleet.shop.shell("find / -xdev -path /proc -prune -o -name '*shop*' -print", "op2")
        assert not [
            path for path in found.splitlines() if path.startswith(("/run", "/var", "/etc"))
        ]
    finally:
        fleet.deploy()
