"""The logs of the fleet in one view, and that following them leaves nothing on the hosts."""

from __future__ import annotations

import os
import re
import signal
import threading
import time

import pytest
from fleet import Fleet

#: The time of a line, and its host.
LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (op[12]) (.*)$", re.MULTILINE)
REQUEST = re.compile(r"(\d{3}) ([A-Z]+) (\S+) (\d+) ms (\S+) ([0-9a-f]{32})$")
CURL = "curl -sk --resolve shop.example.com:443:127.0.0.1"
#: What following starts on a host.
FOLLOWS = "pgrep -fa '[j]ournalctl.*--follow'; true"


def lines(told: str) -> list[tuple[str, str, str]]:
    return LINE.findall(told)


def logs(fleet: Fleet, *given: str) -> list[tuple[str, str, str]]:
    return lines(fleet.succeed("logs", *(part for one in given for part in ("-e", one))))


def mark(fleet: Fleet, host: str, text: str, slot: str = "") -> None:
    """Have a line in the journal, as if a process of the live slot had printed it."""
    unit = f"shop@{slot or fleet.shop.live(host).split()[0]}.service"
    # The journal knows the unit of a process by its control group, in whichever hierarchy it is.
    script = f"""
    group=$(systemctl show --property=ControlGroup --value {unit})
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        [ ! -e $root$group/cgroup.procs ] || echo $$ > $root$group/cgroup.procs
    done
    # It stays until the journal has looked at its control group.
    exec systemd-cat --identifier=gunicorn sh -c 'printf "%s\\n" "$1"; sleep 0.5' sh '{text}'
    """
    fleet.shop.shell(script, host)


def ask(fleet: Fleet, host: str, path: str) -> None:
    fleet.shop.shell(f"{CURL} -o /dev/null 'https://shop.example.com{path}'", host)


def test_both_logs_of_all_hosts_come_in_order_of_time(fleet: Fleet) -> None:
    name = f"in-order-{time.time_ns()}"
    for number, host in enumerate(("op2", "op1", "op2", "op1")):
        mark(fleet, host, f"{name} {number}")
        ask(fleet, host, f"/{name}-{number}")
    found = logs(fleet, "logs_since=1 min ago", f"logs_grep={name}")
    assert [host for _time, host, _text in found] == ["op2", "op2", "op1", "op1"] * 2
    assert [time_ for time_, _host, _text in found] == sorted(time_ for time_, _h, _t in found)
    assert all(f"{name} {n}" in found[2 * n][2] for n in range(4))
    status, method, path, _took, _client, _id = REQUEST.search(found[1][2]).groups()  # type: ignore[union-attr]
    assert (status, method, path) == ("404", "GET", f"/{name}-0")


def test_request_id_of_a_line_is_that_of_the_answer(fleet: Fleet) -> None:
    answer = fleet.shop.shell(f"{CURL} -D - -o /dev/null https://shop.example.com/whoami")
    identifier = re.search(r"(?i)x-request-id: (\S+)", answer)
    assert identifier, answer
    assert len(logs(fleet, f"logs_grep={identifier[1]}")) == 1


def test_source_and_since_choose(fleet: Fleet) -> None:
    name = f"source-{time.time_ns()}"
    mark(fleet, "op1", name)
    ask(fleet, "op1", f"/{name}")
    journal = logs(fleet, "logs_source=journal", f"logs_grep={name}")
    access = logs(fleet, "logs_source=access", f"logs_grep={name}")
    assert ": source-" in journal[0][2]
    assert len(journal) == 1
    assert " GET /source-" in access[0][2]
    assert len(access) == 1
    now = fleet.shop.shell("sleep 2; date -u +%H:%M:%S").strip()
    told = fleet.succeed("logs", "-e", f"logs_since={now}", "-e", f"logs_grep={name}")
    assert lines(told) == []
    assert "no lines since " in told


def test_too_many_lines_are_cut_and_that_is_said(fleet: Fleet) -> None:
    name = f"many-{time.time_ns()}"
    for number in range(5):
        ask(fleet, "op1", f"/{name}-{number}")
    told = fleet.succeed("logs", "-e", f"logs_grep={name}", "-e", "logs_lines=2")
    assert [text.split()[2] for _t, _h, text in lines(told)] == [f"/{name}-3", f"/{name}-4"]
    assert "op1: 3 earlier lines are left out; more of them: -e logs_lines=20" in told


def test_secret_and_control_characters_are_harmless(fleet: Fleet) -> None:
    name = f"secret-{time.time_ns()}"
    mark(fleet, "op1", f"{name} the-token-of-the-operator \x1b[2J")
    ask(fleet, "op1", f"/{name}/the-token-of-the-operator")
    told = fleet.succeed("logs", "-e", f"logs_grep={name}")
    assert told.count("<API_TOKEN>") == 2
    assert "the-token-of-the-operator" not in told
    assert "\x1b" not in told


def test_release_has_its_own_lines_alone(fleet: Fleet) -> None:
    before = fleet.live()
    name = f"release-{time.time_ns()}"
    mark(fleet, "op1", f"{name} old")
    ask(fleet, "op1", f"/{name}-old")
    fleet.change_app()
    fleet.deploy()
    after = fleet.live()
    assert after != before
    mark(fleet, "op1", f"{name} new")
    ask(fleet, "op1", f"/{name}-new")
    since = "logs_since=20 min ago"
    for release, kind in ((before, "old"), (after, "new")):
        found = logs(fleet, since, f"logs_grep={name}", f"logs_release={release}")
        assert len(found) == 2, found
        assert all(kind in text for _time, _host, text in found)
    booted = logs(fleet, since, "logs_grep=Booting worker", f"logs_release={after}")
    assert {host for _time, host, _text in booted} == {"op1", "op2"}


def test_followed_lines_come_as_they_are_written(fleet: Fleet) -> None:
    name = f"follow-{time.time_ns()}"
    run = fleet.start(
        "logs", "-e", "logs_follow=true", "-e", "logs_seconds=25", "-e", f"logs_grep={name}"
    )
    seen: list[tuple[float, str]] = []
    thread = threading.Thread(
        target=lambda: seen.extend((time.time(), line) for line in run.stdout or ())
    )
    thread.start()
    deadline = time.monotonic() + 20
    while len(fleet.shop.shell(FOLLOWS).splitlines()) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    for number in range(6):
        host = ("op1", "op2")[number % 2]
        mark(fleet, host, f"{name} {number} {time.time():.3f}")
        ask(fleet, host, f"/{name}-{number}-{time.time():.3f}")
        time.sleep(1)
    assert run.wait(60) == 0
    thread.join()
    late = []
    for number in range(6):
        for form in (f"{name} {number} ", f"/{name}-{number}-"):
            found = [(when, line) for when, line in seen if form in line]
            assert len(found) == 1, (form, seen)
            written = re.search(rf"{re.escape(form)}(\d+\.\d+)", found[0][1])
            assert written
            late.append(found[0][0] - float(written[1]))
    print("seconds from written to shown:", [round(one, 2) for one in late])
    assert max(late) < 6
    assert fleet.shop.shell(FOLLOWS) == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_follows_on_a_host_after_the_end(fleet: Fleet, number: signal.Signals) -> None:
    run = fleet.start("logs", "-e", "logs_follow=true")
    for host in fleet.hosts:
        deadline = time.monotonic() + 30
        while not fleet.shop.shell(FOLLOWS, host):
            assert time.monotonic() < deadline
            time.sleep(0.3)
    threading.Thread(target=lambda: run.stdout and run.stdout.read(), daemon=True).start()
    if number == signal.SIGKILL:
        os.kill(run.pid, number)
    else:
        os.killpg(run.pid, number)
    began = time.monotonic()
    for host in fleet.hosts:
        while fleet.shop.shell(FOLLOWS, host):
            assert time.monotonic() - began < 20
            time.sleep(0.2)
    print(f"{number.name}: nothing is left in {time.monotonic() - began:.1f} s")
    run.wait()


def test_rotated_log_is_read_on(fleet: Fleet) -> None:
    name = f"rotated-{time.time_ns()}"
    ask(fleet, "op1", f"/{name}-before")
    run = fleet.start(
        *("logs", "-e", "logs_follow=true", "-e", "logs_seconds=20", "-e", "logs_source=access"),
        *("-e", f"logs_grep={name}"),
    )
    time.sleep(8)
    ask(fleet, "op1", f"/{name}-1")
    # As logrotate does it, which the hosts of the lab lack.
    fleet.shop.shell(
        "cd /var/log/nginx && mv shop.log shop.log.1 && kill -USR1 $(cat /run/nginx.pid)"
    )
    time.sleep(0.5)
    ask(fleet, "op1", f"/{name}-2")
    told, _errors = run.communicate(timeout=60)
    for end in ("before", "1", "2"):
        assert told.count(f"/{name}-{end} ") == 1, told


def test_silent_host_is_named(fleet: Fleet) -> None:
    hosts = fleet.inventory / "host_vars"
    hosts.mkdir(exist_ok=True)
    file = hosts / "op1.yml"
    file.write_text("ansible_port: 1\n", encoding="utf-8")
    try:
        told = fleet.fail("logs", "-e", "logs_lines=3")
        assert {host for _time, host, _text in lines(told)} == {"op2"}
        assert "lines are missing: op1: unreachable: " in " ".join(told.split())
    finally:
        file.unlink()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("logs_since=soon", "logs_since is soon; expected a moment such as"),
        ("logs_grep=(", "logs_grep is ( ("),
        ("logs_source=nginx", "logs_source is nginx; expected all, journal or access"),
        ("logs_lines=none", "logs_lines is none; expected a number from 1"),
        ("logs_seconds=3", "logs_seconds is 3; expected it with logs_follow"),
    ],
)
def test_wrong_input_is_refused(fleet: Fleet, given: str, told: str) -> None:
    assert told in " ".join(fleet.fail("logs", "-e", given).split())


def test_more_hosts_than_forks_are_not_followed(fleet: Fleet) -> None:
    told = fleet.fail("logs", "-e", "logs_follow=true", "--forks", "1")
    assert "forks is 1; expected at least 2" in " ".join(told.split())
    assert lines(told) == []


def test_check_mode_shows_the_lines_and_follows_nothing(fleet: Fleet) -> None:
    began = time.monotonic()
    told = fleet.succeed("logs", "--check", "-e", "logs_follow=true", "-e", "logs_lines=5")
    assert lines(told)
    assert time.monotonic() - began < 30
