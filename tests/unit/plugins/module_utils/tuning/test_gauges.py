"""Memory, connections and processors, from files of /proc as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.tuning import gauges
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.gauges import Ticks

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:A1B2 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1000        0 501 1
   1: 0100007F:A1B3 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1000        0 502 1
   2: 0100007F:A1B4 0100007F:1538 06 00000000:00000000 00:00000000 00000000  1000        0 503 1
   3: 0100007F:A1B5 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1000        0 999 1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue
   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:18EB 01 0 0 0 0 0 504
   1: B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:01BB 01 0 0 0 0 0 505
"""


def process(proc: Path, pid: int, *sockets: int) -> None:
    (proc / str(pid) / "net").mkdir(parents=True)
    (proc / str(pid) / "net" / "tcp").write_text(TCP)
    (proc / str(pid) / "net" / "tcp6").write_text(TCP6)
    (proc / str(pid) / "fd").mkdir()
    for number, inode in enumerate(sockets):
        (proc / str(pid) / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
    (proc / str(pid) / "fd" / "100").symlink_to("/dev/null")


def test_open_connections_of_the_processes_are_counted_by_where_they_lead(tmp_path: Path) -> None:
    process(tmp_path, 10, 501, 503, 504)
    process(tmp_path, 11, 502, 505)
    # One that has ended is passed over.
    assert gauges.connections([10, 11, 12], str(tmp_path)) == {
        "127.0.0.1:5432": 2,
        "127.0.0.2:6379": 1,
        "[2001:0db8:0000:0000:0000:0000:0000:0002]:443": 1,
    }


def test_memory_counts_what_is_shared_in_part(tmp_path: Path) -> None:
    (tmp_path / "10").mkdir()
    (tmp_path / "10" / "smaps_rollup").write_text(
        "55-7f ---p 00000000 00:00 0 [rollup]\nRss:  90000 kB\nPss:  51200 kB\nPss_Anon: 1 kB\n"
    )
    assert gauges.memory_mb(10, str(tmp_path)) == 50
    assert gauges.memory_mb(11, str(tmp_path)) == 0


def test_processors_time_is_read_and_compared(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  100 0 50 800 20 5 5 20 7 0\ncpu0 1 1 1 1\n")
    assert gauges.ticks(str(tmp_path)) == Ticks(1000, 820, 20)
    # As of an old kernel, without steal.
    (tmp_path / "stat").write_text("cpu  100 0 50 800\n")
    assert gauges.ticks(str(tmp_path)) == Ticks(950, 800, 0)
    assert Ticks(1200, 920, 60).since(Ticks(1000, 820, 20)) == (30.0, 20.0)
    assert Ticks(1000, 820, 20).since(Ticks(1000, 820, 20)) == (0.0, 0.0)
