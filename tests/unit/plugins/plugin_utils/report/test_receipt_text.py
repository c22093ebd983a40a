"""The receipt at the end of a rollout, in the terminal."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.receipt_text import receipt_lines
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import BackupTold, Record

from tests import rollouts


def test_receipt_says_the_sum_then_the_hosts_then_the_releases() -> None:
    record = rollouts.succeeded(2)
    lines = receipt_lines(record)
    total = record["receipt"]
    assert total is not None
    assert lines[0] == (
        f"served while it ran (14:02:11 to 14:03:19 UTC): {total['requests']:,} requests, "
        f"0 failed; longest gap {total['longest_gap_ms']} ms, slowest {total['slowest_ms']} ms, "
        f"p99 {total['p99_ms']} ms"
    )
    assert [line.split()[0] for line in lines[1:3]] == ["web1", "web2"]
    old, new = (total["by_release"][name]["requests"] for name in (rollouts.BEFORE, rollouts.AFTER))
    assert lines[3:] == [
        f"{rollouts.BEFORE}: {old:,} requests, 0 failed; "
        f"{rollouts.AFTER}: {new:,} requests, 0 failed"
    ]


def test_failures_come_first() -> None:
    lines = receipt_lines(rollouts.reverted())
    assert ": 54 FAILED of 26,604 requests; longest gap" in lines[0]
    assert lines[2].startswith("web2  54 FAILED of ")
    assert lines[-1].startswith(f"{rollouts.AFTER}: 54 FAILED of ")


BACKUP: BackupTold = {
    "host": "web1",
    "made": True,
    "failed": False,
    "age": 12,
    "size": 1204224,
    "folder": "/var/backups/shop/20261121T061000Z",
    "skipped_by": "",
}


@pytest.mark.parametrize(
    ("backup", "line"),
    [
        (BACKUP, "shop: the backup on web1 was 12 s old at the migration, made for it"),
        (
            BACKUP | {"made": False, "age": 2400},
            "shop: the backup on web1 was 40 min old at the migration, fresh enough",
        ),
        (
            BACKUP | {"made": False, "age": 90_000, "skipped_by": "ada@laptop"},
            "shop: MIGRATED WITHOUT A BACKUP, by ada@laptop; the last one was 25 h old",
        ),
        (
            BACKUP | {"made": False, "age": None, "host": "", "skipped_by": "ada@laptop"},
            "shop: MIGRATED WITHOUT A BACKUP, by ada@laptop; there was none",
        ),
        (BACKUP | {"failed": True}, "shop: no backup, so it was not migrated"),
    ],
)
def test_backup_before_a_migration_comes_first(backup: BackupTold, line: str) -> None:
    record = rollouts.succeeded(1)
    (app,) = record["apps"].values()
    app["backup"] = backup
    first, second = receipt_lines(record)[:2]
    assert first == line
    assert second.startswith("served while it ran")


def test_only_host_is_the_sum() -> None:
    assert [line.split()[0] for line in receipt_lines(rollouts.succeeded(1))] == [
        "served",
        f"{rollouts.BEFORE}:",
    ]


def test_one_request_is_one() -> None:
    record = rollouts.succeeded(1)
    assert record["receipt"]
    record["receipt"] |= {
        "requests": 1,
        "by_release": {rollouts.AFTER: {"requests": 1, "failed": 0}},
    }
    record["receipt"] |= {"longest_gap_ms": None, "slowest_ms": 7, "p99_ms": None}
    (line,) = receipt_lines(record)
    assert line.endswith("UTC): 1 request, 0 failed; slowest 7 ms")


def test_time_without_requests_is_one_line() -> None:
    assert receipt_lines(rollouts.idle()) == [
        "served while it ran (14:02:11 to 14:02:51 UTC): no requests"
    ]


def test_unknown_hosts_are_named() -> None:
    lines = receipt_lines(rollouts.unreachable())
    assert lines[-1] == "nothing is known of web2"
    assert not any(line.startswith("web2 ") for line in lines)


def test_nothing_known_is_said_unless_nothing_was_done() -> None:
    record = rollouts.unreachable(2)
    record["receipt"] = None
    for host in record["hosts"].values():
        host["receipt"] = None
    assert receipt_lines(record) == ["what was served while it ran is not known"]
    assert receipt_lines(rollouts.refused()) == []


def worst(failed: int) -> Record:
    """Return a rollout of a hundred hosts, so many of which failed requests."""
    record = rollouts.unreachable(100)
    for index in range(3, 3 + failed):
        receipt = record["hosts"][f"web{index}"]["receipt"]
        assert receipt
        receipt["failed"] = index
    return record


@pytest.mark.parametrize(
    ("failed", "middle"),
    [
        (0, ["99 hosts: 0 failed"]),
        (2, ["web4  4 FAILED of", "web3  3 FAILED of", "97 other hosts: 0 failed"]),
        (
            9,
            [
                *("web11  11 FAILED of", "web10  10 FAILED of", "web9   9 FAILED of"),
                "also failed: web8 8, web7 7, web6 6, and on 3 other hosts",
                "90 other hosts: 0 failed",
            ],
        ),
    ],
)
def test_many_hosts_are_folded_to_the_worst(failed: int, middle: list[str]) -> None:
    lines = receipt_lines(worst(failed))
    assert len(lines) <= 8
    for line, begin in zip(lines[1:-2], middle, strict=True):
        assert line.startswith(begin)
    assert lines[-1] == "nothing is known of web2"


def test_lines_steer_no_terminal() -> None:
    assert not any("\x1b" in line or "\u202e" in line for line in receipt_lines(rollouts.hostile()))
