"""Commands in the live release: what they may, what is shown of them, and that nothing is left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import Fleet

#: What the inventory of this scenario has.
SECRET = "the-token-of-the-operator"
#: Sleeps for a time that nobody else sleeps for, so that it is found.
SLEEPS = "sleep 4321"
#: The lines of both units of a run, their folders, and what they run.
LEFT = f"""
systemctl list-units --all --plain --no-legend 'asgi-fleet-shop-run-*'
ls -d /run/asgi-fleet-shop-run-* /run/shop/run-* 2>/dev/null
pgrep -fa '{SLEEPS[:-1]}[{SLEEPS[-1]}]'
true
"""


def left(fleet: Fleet, host: str = "op1") -> str:
    return fleet.shop.shell(LEFT, host)


def is_gone(fleet: Fleet, seconds: float, host: str = "op1") -> float:
    """Return after how many seconds nothing is left, which must be soon."""
    began = time.monotonic()
    while found := left(fleet, host):
        assert time.monotonic() - began < seconds, found
        time.sleep(0.2)
    return time.monotonic() - began


def last_run(fleet: Fleet, host: str = "op1") -> tuple[dict[str, object], dict[str, object]]:
    """Return the two lines of the last command."""
    lines = fleet.shop.shell("tail -n 2 /var/lib/shop/commands.jsonl", host).splitlines()
    begin, end = map(json.loads, lines)
    assert (begin["event"], end["event"]) == ("begin", "end")
    assert begin["id"] == end["id"]
    return begin, end


def in_shell(script: str) -> str:
    return f"command=sh -c '{script}'"


@pytest.fixture(autouse=True)
def _nothing_left(fleet: Fleet) -> Iterator[None]:
    yield
    for host in fleet.hosts:
        is_gone(fleet, 2, host)


def until(process: subprocess.Popen[str], text: str) -> str:
    """Read the output of a run until a text comes, and go on reading so that it is not held up."""
    seen = ""
    stream = process.stdout
    assert stream is not None
    while text not in seen:
        line = stream.readline()
        assert line, seen
        seen += line
    threading.Thread(target=stream.read, daemon=True).start()
    return seen


def test_command_runs_as_the_live_slot_does(fleet: Fleet) -> None:
    told = fleet.succeed(
        "run",
        "-e",
        in_shell(
            "id -un; pwd; echo $FLEET_RELEASE $GREETING; which python; touch src 2>&1; "
            "touch /opt/x 2>&1; cat /etc/shop/blue/environment 2>&1; "
            "echo kept > $STATE_DIRECTORY/proof"
        ),
    )
    release = fleet.live()
    for line in (
        "shop",
        f"/opt/shop/releases/{release}/src",
        f"{release} first",
        f"/opt/shop/releases/{release}/.venv/bin/python",
        "touch: cannot touch '/opt/x': Read-only file system",
        "cat: /etc/shop/blue/environment: Permission denied",
        "op1: exit status 0",
    ):
        assert line in told, told
    assert fleet.shop.shell("cat /var/lib/shop/state/proof; rm /var/lib/shop/state/proof") == "kept"


def test_exit_status_is_named_and_passed_on(fleet: Fleet, tmp_path: Path) -> None:
    status = tmp_path / "status"
    result = fleet.run("run", "-e", in_shell("exit 3"), "-e", f"run_status_file={status}")
    assert result.returncode == 2
    assert "the command failed on op1: exit status 3, after " in result.stdout
    assert status.read_text() == "3\n"
    fleet.succeed("run", "-e", "command=true", "-e", f"run_status_file={status}")
    assert status.read_text() == "0\n"
    begin, end = last_run(fleet)
    assert begin["command"] == "true"
    assert re.fullmatch(r"\S+@\S+", str(begin["who"]))
    assert end["result"] == "success"
    assert "runs true in" in fleet.shop.shell("journalctl -t asgi.fleet -n 20 -o cat")


def test_program_that_is_not_there_is_status_127(fleet: Fleet, tmp_path: Path) -> None:
    status = tmp_path / "status"
    told = fleet.fail("run", "-e", "command=nothing-here", "-e", f"run_status_file={status}")
    assert "nothing-here" in told
    assert status.read_text() == "127\n"


def test_a_minute_of_output_comes_while_it_is_printed(fleet: Fleet) -> None:
    script = "for i in $(seq 30); do date +%s.%N; sleep 2; done"
    run = fleet.start("run", "-e", in_shell(script))
    assert run.stdout is not None
    late = []
    for line in run.stdout:
        if re.fullmatch(r"\d{10}\.\d+\n", line):
            late.append(time.time() - float(line))
    assert run.wait() == 0
    print("seconds from printed to shown:", [round(one, 2) for one in late])
    assert len(late) == 30
    assert max(late) < 4


def test_much_output_is_complete_and_in_order(fleet: Fleet) -> None:
    told = fleet.succeed("run", "-e", "command=seq 400000")
    assert re.findall(r"^\d+$", told, re.MULTILINE) == [str(one) for one in range(1, 400_001)]


def test_input_is_at_its_end(fleet: Fleet) -> None:
    told = fleet.fail("run", "-e", "command=python -c 'input()'")
    assert "EOFError" in told


@pytest.mark.parametrize(
    "script",
    [
        "echo $API_TOKEN",
        # In two parts, seconds apart, and so in two answers of the host.
        "printf %s the-token-of; sleep 3; printf %s -the-operator; sleep 3; echo",
        "echo $API_TOKEN | base64; echo $API_TOKEN >&2",
        'printf "%s" "$API_TOKEN"',
    ],
)
def test_secret_is_shown_by_its_name(fleet: Fleet, script: str) -> None:
    told = fleet.succeed("run", "-e", in_shell(script))
    assert "<API_TOKEN>" in told
    assert SECRET not in told
    assert "the-token-of\n" not in told


def test_secret_in_the_command_is_not_recorded(fleet: Fleet) -> None:
    fleet.succeed("run", "-e", f"command=echo {SECRET}")
    assert last_run(fleet)[0]["command"] == "echo <API_TOKEN>"
    assert SECRET not in fleet.shop.shell("journalctl -o cat -n 60 _TRANSPORT=syslog")


def test_terminal_is_not_steered(fleet: Fleet) -> None:
    told = fleet.succeed("run", "-e", in_shell(r'printf "\033[2Jred\r\none\rtwo\n"'))
    assert "\x1b" not in told
    assert r"\x1b[2Jred" in told
    assert "one\ntwo\n" in told


def test_command_that_forks_leaves_nothing(fleet: Fleet) -> None:
    script = f'setsid {SLEEPS} & nohup {SLEEPS} & (trap "" TERM; {SLEEPS}) & echo began'
    began = time.monotonic()
    told = fleet.succeed("run", "-e", in_shell(script))
    assert "began" in told
    assert left(fleet) == ""
    assert time.monotonic() - began < 30


def test_time_limit_ends_it_and_says_so(fleet: Fleet, tmp_path: Path) -> None:
    status = tmp_path / "status"
    told = fleet.fail(
        *("run", "-e", in_shell(f"echo began; {SLEEPS} & {SLEEPS}")),
        *("-e", "run_seconds=3", "-e", f"run_status_file={status}"),
    )
    assert "began" in told
    assert "it did not end within 3 s and was killed; give it longer: -e run_seconds=" in " ".join(
        told.split()
    )
    assert status.read_text() == "124\n"
    assert left(fleet) == ""


def test_interruption_stops_it(fleet: Fleet) -> None:
    run = fleet.start("run", "-e", in_shell(f"echo began; setsid {SLEEPS} & {SLEEPS}"))
    until(run, "began\n")
    assert SLEEPS in left(fleet)
    # As the terminal does: to each process of the foreground.
    os.killpg(run.pid, signal.SIGINT)
    took = is_gone(fleet, 10)
    print(f"after Ctrl-C nothing is left in {took:.1f} s")
    assert run.wait() == 99
    assert last_run(fleet)[1]["reason"] == "interrupted"


def descendants(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    for line in found.stdout.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    all_ = [pid]
    for one in all_:
        all_ += children.get(one, [])
    return all_


def test_killed_ansible_stops_it(fleet: Fleet) -> None:
    run = fleet.start("run", "-e", in_shell(f"echo began; {SLEEPS}"))
    until(run, "began\n")
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    took = is_gone(fleet, 20)
    print(f"after SIGKILL of ansible-playbook nothing is left in {took:.1f} s")


def test_controller_that_is_gone_stops_it(fleet: Fleet) -> None:
    """All of it at once, and nothing of the connection closed: the host hears nothing more."""
    run = fleet.start("run", "-e", in_shell(f"echo began; {SLEEPS}"))
    until(run, "began\n")
    for pid in descendants(run.pid):
        # First so that none of them can react; the connection stays open in its own process.
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1)
    assert SLEEPS in left(fleet)
    took = is_gone(fleet, 60)
    print(f"after the controller has fallen silent nothing is left in {took:.1f} s")
    for pid in descendants(run.pid):
        os.kill(pid, signal.SIGKILL)
    run.wait()
    assert last_run(fleet)[1]["reason"] == "gone"


def test_all_hosts_each_line_with_its_host(fleet: Fleet) -> None:
    told = fleet.succeed("run", "-e", in_shell("echo one; echo two"), "-e", "run_on=all")
    for line in ("op1 | one\nop1 | two\n", "op2 | one\nop2 | two\n", "op1: exit status 0", "op2:"):
        assert line in told, told
    assert last_run(fleet, "op1")[0]["id"] == last_run(fleet, "op2")[0]["id"]
    told = fleet.fail("run", "-e", in_shell("test $(uname -n) = op1"), "-e", "run_on=all")
    assert "the command failed on op2; the status of op2 is 1" in " ".join(told.split())


def test_leader_is_the_first_of_the_inventory(fleet: Fleet) -> None:
    assert "on op1," in fleet.succeed("run", "-e", "command=true", "-e", "run_on=leader")
    told = fleet.fail("run", "-e", "command=true", "-e", "run_on=leader", "--limit", "op2")
    assert "that of shop is op1, which --limit leaves out" in " ".join(told.split())
    assert "on op2," in fleet.succeed("run", "-e", "command=true", "--limit", "op2")


def test_one_takes_the_first_host_that_can(fleet: Fleet) -> None:
    hosts = fleet.inventory / "host_vars"
    hosts.mkdir(exist_ok=True)
    file = hosts / "op1.yml"
    file.write_text("ansible_port: 1\n", encoding="utf-8")
    try:
        told = fleet.succeed("run", "-e", "command=uname -n")
        assert "\nop2\n" in told
        told = fleet.fail("run", "-e", "command=uname -n", "-e", "run_on=all")
        assert "the command ran nowhere: of 2 hosts, 1 can run it" in " ".join(told.split())
        assert "op1: unreachable: " in told
    finally:
        file.unlink()


def test_unhealthy_and_stopped_application_can_be_looked_into(fleet: Fleet) -> None:
    units = fleet.shop.shell("systemctl list-units --plain --no-legend 'shop@*' | cut -d' ' -f1")
    names = " ".join(units.split())
    fleet.shop.shell(f"systemctl stop {names}")
    try:
        assert "\nop1\n" in fleet.succeed("run", "-e", "command=uname -n")
    finally:
        fleet.shop.shell(f"systemctl start {names}")


def test_it_runs_during_a_rollout(fleet: Fleet) -> None:
    holder = json.dumps({"rollout": "another", "who": "eve@desk", "since": 1})
    lock = "/var/lib/shop/rollout.lock"
    fleet.shop.shell(f"echo '{holder}' > {lock}")
    try:
        fleet.succeed("run", "-e", "command=true")
        assert json.loads(fleet.shop.shell(f"cat {lock}"))["who"] == "eve@desk"
    finally:
        fleet.shop.shell(f"rm {lock}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "command is not set; expected a program and its arguments"),
        (("-e", "command=ls | wc"), "command is a text with | in it, which only a shell knows"),
        (("-e", "command=ls", "-e", "run_on=two"), "run_on is two; expected one, leader or all"),
        (("-e", "command=ls", "-e", "run_seconds=0"), "run_seconds is 0; expected a number from 1"),
        (("-e", "command=python x.py app_name=other"), "followed by app_name="),
    ],
)
def test_wrong_input_is_refused_before_a_host_is_touched(
    fleet: Fleet, arguments: tuple[str, ...], told: str
) -> None:
    before = fleet.shop.shell("wc -l < /var/lib/shop/commands.jsonl")
    assert told in " ".join(fleet.fail("run", *arguments).split())
    assert fleet.shop.shell("wc -l < /var/lib/shop/commands.jsonl") == before


def test_check_mode_runs_nothing(fleet: Fleet) -> None:
    before = fleet.shop.shell("wc -l < /var/lib/shop/commands.jsonl")
    told = fleet.succeed("run", "-e", "command=true", "--check")
    assert "would run as shop in" in told
    assert fleet.shop.shell("wc -l < /var/lib/shop/commands.jsonl") == before


def test_braces_of_a_command_are_its_own(fleet: Fleet) -> None:
    assert "\n{{ app_name }}\n" in fleet.succeed("run", "-e", "command=echo '{{ app_name }}'")
    listed = json.dumps({"command": ["echo", "{{ app_name }}", "a|b"]})
    assert "\n{{ app_name }} a|b\n" in fleet.succeed("run", "-e", listed)
