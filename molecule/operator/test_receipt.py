"""The receipt of a rollout against what a load generator has counted, failed for failed.

`RECEIPT_RELEASES=10` releases ten good versions and three bad ones; by default it is three and one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from events import DOMAIN, ROOT
from fleet import Fleet

GOOD = int(os.environ.get("RECEIPT_RELEASES", "3"))
BAD = 3 if GOOD >= 10 else 1
#: Requests a second for each host.
RATE = 100
#: Seconds by which the clocks of a visitor and of nginx may see the end of an answer differently.
EDGE = 0.1
#: Milliseconds by which the gaps that nginx and the visitors see may differ.
CLOSE_MS = 50
#: Every tenth visitor gets a 500: nothing that a health check sees.
FAILS_SOMETIMES = """
import itertools
_count = itertools.count()
_serve = app
async def app(scope, receive, send):
    if scope["type"] != "http" or scope["path"] == "/healthz" or next(_count) % 10:
        return await _serve(scope, receive, send)
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b"a bad release"})
"""


@dataclass
class Visitors:
    """Visitors of one host, and what they have seen."""

    fleet: Fleet
    host: str
    process: subprocess.Popen[str] | None = None
    total: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where they note what they see."""
        return self.fleet.folder

    def path(self, name: str) -> Path:
        """A file of these visitors."""
        return self.folder / f"{name}-{self.host}"

    def start(self) -> None:
        """Let them begin."""
        ca = self.path("ca.pem")
        ca.write_text(self.fleet.shop.shell("cat /etc/shop/tls/fullchain.pem", self.host))
        ssh = self.fleet.shop.ssh[self.host]
        port = int(ssh[ssh.index("-p") + 1]) + 1000
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.load", "--url", f"https://{DOMAIN}:{port}"),
                *("--connect", f"127.0.0.1:{port}", "--cacert", str(ca), "--mix", "get,post"),
                *("--seconds", "3000", "--rate", str(RATE), "--connections", "6"),
                *("--events", str(self.path("events")), "--answers", str(self.path("answers"))),
                *("--until-file", str(self.path("stop"))),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self) -> None:
        """Let them end, and keep their totals."""
        assert self.process is not None
        assert self.process.poll() is None, "the load generator has ended"
        self.path("stop").touch()
        output, _errors = self.process.communicate(timeout=60)
        self.total = json.loads(output.splitlines()[-1])

    def noted(self, kind: str) -> list[tuple[float, float]]:
        """What the load generator has noted of a kind: when, and a number of seconds."""
        lines = (line.split() for line in self.path("answers").read_text().splitlines())
        return [(float(at), float(seconds)) for what, at, seconds in lines if what == kind]

    def answers(self) -> list[float]:
        """When each answer ended."""
        return sorted(at for at, _took in self.noted("answer"))

    def whole(self, start: float, end: float) -> int:
        """How many requests were sent and answered between two moments."""
        return sum(start < at - took and at < end for at, took in self.noted("answer"))

    def lateness(self, moment: float, length: float) -> float:
        """By how many milliseconds these visitors were late themselves around a gap."""
        near = [by for at, by in self.noted("late") if moment - 1 < at < moment + length / 1000 + 1]
        return 1000 * max(near, default=0.0)

    def failures(self) -> list[float]:
        """When each failure was seen."""
        lines = self.path("events").read_text().splitlines()
        assert all(json.loads(line)["kind"] == "status_5xx" for line in lines), lines[:3]
        return sorted(json.loads(line)["time"] for line in lines)


def between(moments: list[float], start: float, end: float) -> int:
    return bisect_right(moments, end) - bisect_left(moments, start)


def gap(moments: list[float], start: float, end: float) -> tuple[float, float]:
    """Return when the longest time between two answers was, and its milliseconds."""
    some = moments[bisect_left(moments, start) : bisect_right(moments, end)]
    before, after = max(pairwise(some), key=lambda pair: pair[1] - pair[0])
    return before, 1000 * (after - before)


def compare_gaps(receipt: dict[str, Any], moments: list[float], visitors: list[Visitors]) -> None:
    """The gap is that of the visitors, but for how late they were themselves.

    nginx takes the time at the start of a turn of its loop (ngx_time_update). On a host without a
    core to spare, it may send an answer much later than it says, and a visitor sees a shorter gap
    than nginx. So a longer one must be a gap of these requests as well: it is not, if any was both
    sent and answered within it.
    """
    at, seen = gap(moments, receipt["from"], receipt["to"])
    told = receipt["longest_gap_ms"]
    late = max(
        some.lateness(moment, length)
        for some in visitors
        for moment, length in ((at, seen), (receipt["gap_at"], told))
    )
    assert told >= seen - CLOSE_MS - late, (told, seen, late)
    if told > seen + CLOSE_MS + late:
        start, end = receipt["gap_at"], receipt["gap_at"] + told / 1000
        within = sum(some.whole(start, end) for some in visitors)
        assert within == 0, (told, seen, late, within)


@pytest.fixture(scope="module")
def rollouts(fleet: Fleet) -> Iterator[tuple[list[dict[str, Any]], list[Visitors]]]:
    """The records of some rollouts under load, and the visitors."""
    fleet.set(fleet_soak_seconds=4, fleet_max_error_ratio="2%", fleet_min_requests=50)
    visitors = [Visitors(fleet, host) for host in fleet.hosts]
    for some in visitors:
        some.start()
    time.sleep(2)
    before = set(records(fleet))
    for _number in range(GOOD):
        fleet.change_app()
        fleet.succeed("release")
    good = fleet.settings_file.read_text("utf-8")
    for _number in range(BAD):
        fleet.change_app(FAILS_SOMETIMES)
        assert "fleet_max_error_ratio" in fleet.fail("release")
    fleet.settings_file.write_text(good, encoding="utf-8")
    for some in visitors:
        some.end()
    found = [json.loads(path.read_text()) for path in records(fleet) if path not in before]
    yield found, visitors
    fleet.set(fleet_soak_seconds=2, fleet_max_error_ratio=None)


def records(fleet: Fleet) -> list[Path]:
    """Return the records that the controller has kept, in order of time."""
    return sorted((fleet.inventory.parent / "rollouts" / "shop").glob("2*.json"))


def test_each_rollout_has_a_receipt_and_its_outcome(
    rollouts: tuple[list[dict[str, Any]], list[Visitors]],
) -> None:
    found, _visitors = rollouts
    assert [record["outcome"] for record in found] == GOOD * ["succeeded"] + BAD * ["reverted"]
    for record in found:
        receipt = record["receipt"]
        of_hosts = [host["receipt"] for host in record["hosts"].values()]
        assert receipt["requests"] == sum(one["requests"] for one in of_hosts) > 0
        assert receipt["failed"] == sum(one["failed"] for one in of_hosts)
        assert sum(some for _start, some, _bad in receipt["bins"]) == receipt["requests"]


def test_receipt_counts_what_the_visitors_have_counted(
    rollouts: tuple[list[dict[str, Any]], list[Visitors]],
) -> None:
    found, visitors = rollouts
    failed = 0
    for record in found:
        for some in visitors:
            receipt = record["hosts"][some.host]["receipt"]
            start, end = receipt["from"], receipt["to"]
            seen = some.answers()
            # What ends in the same instant as the rollout may count here and not there.
            assert between(seen, start + EDGE, end - EDGE) <= receipt["requests"]
            assert receipt["requests"] <= between(seen, start - EDGE, end + EDGE)
            assert receipt["failed"] == between(some.failures(), start, end)
            failed += receipt["failed"]
    # All that has failed did so in a rollout of a bad release, and is in its receipt.
    assert failed == sum(some.total["failed"] for some in visitors) > 0


def test_receipt_names_the_release_that_failed(
    rollouts: tuple[list[dict[str, Any]], list[Visitors]],
) -> None:
    found, _visitors = rollouts
    for record in found[GOOD:]:
        bad = record["apps"]["shop"]["release"]
        shares = record["receipt"]["by_release"]
        others = sum(one["failed"] for name, one in shares.items() if name != bad)
        assert shares[bad]["failed"] + others == record["receipt"]["failed"]
        # After the revert, a connection that nginx has kept may carry one more request there.
        assert shares[bad]["failed"] > 10 * others
    for record in found[:GOOD]:
        assert record["receipt"]["failed"] == 0
        assert len(record["receipt"]["by_release"]) == 2


def test_longest_gap_is_that_of_the_visitors(
    rollouts: tuple[list[dict[str, Any]], list[Visitors]],
) -> None:
    found, visitors = rollouts
    for record in found:
        moments = []
        for some in visitors:
            receipt = record["hosts"][some.host]["receipt"]
            moments += some.answers()
            compare_gaps(receipt, some.answers(), [some])
        compare_gaps(record["receipt"], sorted(moments), visitors)


def test_what_was_seen(
    rollouts: tuple[list[dict[str, Any]], list[Visitors]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Print the figures, for docs/measurements.md."""
    found, visitors = rollouts
    line = {
        "rollouts": len(found),
        "requests": sum(record["receipt"]["requests"] for record in found),
        "failed": sum(record["receipt"]["failed"] for record in found),
        "seen_failed": sum(some.total["failed"] for some in visitors),
        "longest_gap_ms": max(record["receipt"]["longest_gap_ms"] for record in found),
    }
    with capsys.disabled():
        print(f"\nreceipts: {json.dumps(line)}")
    assert line["failed"] == line["seen_failed"]


def test_page_of_a_rollout_is_written_beside_the_inventory(
    fleet: Fleet, rollouts: tuple[list[dict[str, Any]], list[Visitors]]
) -> None:
    found, _visitors = rollouts
    for path in records(fleet)[-len(found) :]:
        page = path.with_suffix(".html").read_text(encoding="utf-8")
        record = json.loads(path.read_text())
        assert record["apps"]["shop"]["release"] in page
        assert "http://" not in page.replace("http://www.w3.org/", "")
        assert "requests" in path.with_suffix(".txt").read_text(encoding="utf-8")


def test_hosts_keep_what_the_rollout_did(
    fleet: Fleet, rollouts: tuple[list[dict[str, Any]], list[Visitors]]
) -> None:
    found, _visitors = rollouts
    for record in found:
        for host in fleet.hosts:
            path = f"/var/lib/shop/rollouts/{record['id']}.json"
            kept = json.loads(fleet.shop.shell(f"cat {path}", host))
            assert kept["outcome"] == record["outcome"]
            assert kept["kind"] == "release"
            assert kept["receipt"]["failed"] == record["hosts"][host]["receipt"]["failed"]


def test_restart_and_rollback_have_receipts_too(fleet: Fleet) -> None:
    for kind in ("restart", "rollback"):
        assert "served while it ran" in fleet.succeed(kind)
        record = json.loads(records(fleet)[-1].read_text())
        assert (record["kind"], record["outcome"]) == (kind, "succeeded")


def test_report_is_not_written_where_nobody_wants_it(fleet: Fleet) -> None:
    before = records(fleet)
    with fleet.having(fleet_report_directory="none"):
        assert "page:" not in fleet.succeed("restart")
    assert records(fleet) == before
