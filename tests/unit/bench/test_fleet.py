"""The parts of the fleet's bench that need no hosts."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import fleet

KEYS = ("seconds", "cpu_seconds", "max_rss_mb")


def measurement(hosts: int, fixed: float = 10, per_host: float = 2.5) -> dict[str, Any]:
    figures = dict.fromkeys(KEYS, fixed + per_host * hosts)
    return {"bench": "fleet", "hosts": hosts, **dict.fromkeys(fleet.PHASES, figures)}


def test_fit_finds_the_line_that_the_measurements_lie_on() -> None:
    fitted = fleet.fit([measurement(hosts) for hosts in (16, 1, 4)])
    assert fitted["hosts"] == [1, 4, 16]
    for phase in fleet.PHASES:
        for key in KEYS:
            assert fitted[phase][key] == {
                "fixed": 10,
                "per_host": 2.5,
                "at_100": 260,
                "at_1000": 2510,
            }


def test_fit_weighs_all_measurements() -> None:
    # By hand: the middle is (2, 3), the slope (1 * 2 + 0 + 1 * 1) / 2.
    line = fleet.least_squares([(1, 1), (2, 4), (3, 4)])
    assert (line.fixed, line.per_host) == pytest.approx((0, 1.5))


def test_fit_of_one_number_of_hosts_is_refused() -> None:
    with pytest.raises(fleet.BenchError, match="expected at least two"):
        fleet.fit([measurement(4), measurement(4)])


def test_fit_of_nothing_is_refused() -> None:
    with pytest.raises(fleet.BenchError, match="0 measurements"):
        fleet.fit([])


def test_parse_takes_the_lines_of_this_bench_alone() -> None:
    lines = ["make: Entering", "{", "3", '{"bench": "demo"}', '{"bench": "fleet", "hosts": 4}']
    assert fleet.parse(lines) == [{"bench": "fleet", "hosts": 4}]


def test_hosts_file_gives_each_host_an_index_of_its_own() -> None:
    content = yaml.safe_load(fleet.hosts_file(16, "trixie", Path("/tmp/a: b")))
    hosts = content["app"]["hosts"]
    assert [host["lab_index"] for host in hosts.values()] == list(range(1, 17))
    assert content["app"]["vars"]["app_source"]["path"] == "/tmp/a: b"
    assert content["app"]["vars"]["fleet_soak_seconds"] == 0


def test_more_hosts_than_the_machine_can_boot_are_refused() -> None:
    fleet.check_inotify(16, used=48, allowed=128)
    with pytest.raises(fleet.BenchError, match=r"16 hosts need 80 .* 79 of 128 are free"):
        fleet.check_inotify(16, used=49, allowed=128)


def test_inotify_used_counts_an_instance() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    before = fleet.inotify_used()
    held = libc.inotify_init()
    try:
        assert str(Path(f"/proc/self/fd/{held}").readlink()) == "anon_inode:inotify"
        assert fleet.inotify_used() > 0
    finally:
        os.close(held)
    assert before >= 0


def test_run_counts_the_time_of_what_the_playbook_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child of the child burns the CPU, as modules and ssh do."""
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    program = tmp_path / "ansible-playbook"
    program.write_text(
        f"#!{sys.executable}\nimport subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {burn!r}])\n"
        "print('host : ok=3 changed=2 unreachable=0')\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(fleet, "LOGS", tmp_path)
    figures = fleet.run("test", "deploy.yml")
    assert figures.cpu_seconds >= 0.5
    assert figures.max_rss_mb > 1
    assert figures.changed == 2


@pytest.mark.parametrize("hosts", ["0", "100", "four"])
def test_a_number_of_hosts_that_cannot_be_is_refused(hosts: str) -> None:
    command = [sys.executable, "-m", "bench.fleet", "measure", "--hosts", hosts]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=fleet.ROOT)
    assert result.returncode == 2
    assert f"the number of hosts is {hosts}; expected one from 1 to 99" in result.stderr


def test_fit_reads_files(tmp_path: Path) -> None:
    for hosts in (1, 2):
        (tmp_path / str(hosts)).write_text(json.dumps(measurement(hosts)) + "\n")
    command = [sys.executable, "-m", "bench.fleet", "fit", str(tmp_path / "1"), str(tmp_path / "2")]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=fleet.ROOT)
    assert json.loads(result.stdout)["release"]["seconds"]["per_host"] == 2.5
