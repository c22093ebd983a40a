"""Made-up records of rollouts, as `report/record.py` has them: the same at every run."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import (
    SCHEMA,
    Count,
    Host,
    Kind,
    Outcome,
    Phase,
    Receipt,
    Record,
)

#: 28 November 2026, 14:02:11 UTC.
BEGAN = 1795874531.0
BEFORE, AFTER = "1.4.0-9f86d081", "1.4.1-2c26b46b"
COMMIT = "2c26b46b68ffc68ff99b453c1d30413413422d70"
#: Why each host has its number of workers.
WORKERS = "5 workers: 2 cores allow 5, and 3400 MB for one slot would allow 26"
#: What the journal of a release says in which an exception is not caught.
JOURNAL = """\
  14:03:00 gunicorn[2231]: ERROR:    Exception in ASGI application
  14:03:00 gunicorn[2231]: Traceback (most recent call last):
  14:03:00 gunicorn[2231]:   File "/srv/shop/live/app/shop/checkout.py", line 41, in pay
  14:03:00 gunicorn[2231]:     provider = PROVIDERS[order.provider]
  14:03:00 gunicorn[2231]:                ~~~~~~~~~^^^^^^^^^^^^^^^^
  14:03:00 gunicorn[2231]: KeyError: 'klarna'
  14:03:00 gunicorn[2231]: 10.0.0.7:0 - "POST /checkout/pay HTTP/1.1" 500"""


def phase(name: str, begin: float, end: float) -> Phase:
    return {"name": name, "from": begin, "to": end}  # type: ignore[typeddict-item]


def receipt(
    begin: float,
    end: float,
    switched: float,
    *,
    rate: float = 380,
    failures: Sequence[int] = (),
    seed: int = 1,
    releases: tuple[str, str] = (BEFORE, AFTER),
) -> Receipt:
    """Return a receipt with a bin for each second, the requests of which go up and down.

    Args:
        begin: When it begins; `end` is when it ends, both in Unix seconds.
        switched: From when on the second of `releases` answers.
        rate: Requests a second.
        failures: How many requests of the second release failed, in the seconds after `switched`.
        seed: Another one gives other numbers.
    """
    chance = random.Random(seed)  # noqa: S311 (no secret)
    bins: list[list[int]] = []
    counts: list[Count] = [{"requests": 0, "failed": 0}, {"requests": 0, "failed": 0}]
    for second in range(int(begin), math.ceil(end)):
        wave = 1 + 0.12 * math.sin(second / 7 + seed) + chance.uniform(-0.06, 0.06)
        requests = round(rate * wave)
        since = second - math.ceil(switched)
        failed = failures[since] if 0 <= since < len(failures) else 0
        bins.append([second, requests, failed])
        count = counts[second >= switched]
        count["requests"] += requests
        count["failed"] += failed
    requests = sum(one[1] for one in bins)
    return {
        "from": begin,
        "to": end,
        "requests": requests,
        "failed": sum(one[2] for one in bins),
        "by_release": {
            release: count
            for release, count in zip(releases, counts, strict=True)
            if count["requests"]
        },
        "slowest_ms": 60 + chance.randrange(40) if requests else None,
        "p99_ms": 9 + chance.randrange(8) if requests else None,
        "longest_gap_ms": 22 + chance.randrange(20) if requests else None,
        "gap_at": switched + 0.25 if requests else None,
        "bin_seconds": 1,
        "bins": bins,
    }


def summed(receipts: Sequence[Receipt]) -> Receipt:
    """Return the sum of receipts over the same seconds."""
    by_release: dict[str, Count] = {}
    bins: dict[int, list[int]] = {}
    for one in receipts:
        for release, count in one["by_release"].items():
            known = by_release.setdefault(release, {"requests": 0, "failed": 0})
            known["requests"] += count["requests"]
            known["failed"] += count["failed"]
        for second, requests, failed in one["bins"]:
            before = bins.get(second, [second, 0, 0])
            bins[second] = [second, before[1] + requests, before[2] + failed]
    longest = max(receipts, key=lambda one: one["longest_gap_ms"] or 0)
    return {
        "from": min(one["from"] for one in receipts),
        "to": max(one["to"] for one in receipts),
        "requests": sum(one["requests"] for one in receipts),
        "failed": sum(one["failed"] for one in receipts),
        "by_release": by_release,
        "slowest_ms": max((one["slowest_ms"] or 0 for one in receipts), default=0) or None,
        "p99_ms": max((one["p99_ms"] or 0 for one in receipts), default=0) or None,
        "longest_gap_ms": longest["longest_gap_ms"],
        "gap_at": longest["gap_at"],
        "bin_seconds": 1,
        "bins": [bins[second] for second in sorted(bins)],
    }


def waves_of(hosts: Sequence[str]) -> list[list[str]]:
    """Return the waves that `[1, "25%", "100%"]` makes."""
    rest = list(hosts[1:])
    quarter = max(len(hosts) // 4, 1)
    return [wave for wave in ([hosts[0]], rest[:quarter], rest[quarter:]) if wave]


def succeeded(number: int = 4, *, app: str = "shop", kind: Kind = "release") -> Record:
    """Return a rollout that went well."""
    hosts = [f"web{index}" for index in range(1, number + 1)]
    waves = waves_of(hosts)
    end = BEGAN + 21.5 + 21 * len(waves) + 5
    found: dict[str, Host] = {}
    for index, wave in enumerate(waves):
        begin = BEGAN + 21.5 + 21 * index
        for place, host in enumerate(wave):
            late = 0.13 * (place % 7)
            phases = [phase("build", BEGAN + 2.2, BEGAN + 15 + place % 5)]
            if host == hosts[0]:
                phases.append(phase("hooks", BEGAN + 19.2, BEGAN + 21.3))
            phases += [
                phase("start", begin, begin + 1.9 + late),
                phase("healthy", begin + 1.9 + late, begin + 4.8 + late),
                phase("cut over", begin + 4.8 + late, begin + 4.9 + late),
                phase("soak", begin + 5.6, begin + 20.6),
                phase("drain", end - 4.2, end - 1.1),
            ]
            switched = begin + 4.8 + late
            found[host] = {
                "app": app,
                "wave": index + 1,
                "state": "live",
                "before": BEFORE,
                "after": AFTER,
                "phases": phases,
                "workers": 5,
                "workers_reason": WORKERS,
                "notes": [],
                "receipt": receipt(BEGAN, end, switched, rate=380 / number, seed=len(found)),
            }
    receipts = [one["receipt"] for one in found.values() if one["receipt"]]
    return {
        "schema": SCHEMA,
        "id": "20261128T140211-5f3a",
        "kind": kind,
        "who": "ada@laptop",
        "inventory": "production",
        "began_at": BEGAN,
        "ended_at": end,
        "outcome": "succeeded",
        "reason": "",
        "next": ["ansible-playbook playbooks/rollback.yml    # if you notice a problem later"],
        "apps": {
            app: {
                "domain": "shop.example.com",
                "release": AFTER,
                "before": [BEFORE],
                "commit": COMMIT,
                "subject": "Checkout: offer Klarna where the shop has enabled it",
                "url": "https://git.example.com/shop/shop.git",
                "waves": waves,
                "outcome": "succeeded",
                "reason": "",
                "backup": None,
            }
        },
        "hosts": found,
        "receipt": summed(receipts),
        "lines": [
            "HOST  RELEASE         STATE",
            *(f"{host}  {AFTER}  live" for host in hosts),
        ],
    }


def _end(record: Record, outcome: Outcome, reason: str, states: dict[str, str]) -> Record:
    for app in record["apps"].values():
        app["outcome"], app["reason"] = outcome, reason
    for host, state in states.items():
        record["hosts"][host]["state"] = state
    record["lines"] = [
        "HOST  RELEASE         STATE",
        *(
            f"{name}  {one['after'] or '?'}  {one['state']}"
            for name, one in record["hosts"].items()
        ),
    ]
    record["outcome"], record["reason"] = outcome, reason
    record["next"] = [
        "ansible-playbook playbooks/status.yml",
        "ansible-playbook deploy.yml    # when the cause is fixed",
    ]
    return record


def reverted(number: int = 4) -> Record:
    """Return a rollout whose second wave failed requests, so that all hosts were reverted."""
    record = succeeded(number)
    waves = record["apps"]["shop"]["waves"]
    second = BEGAN + 21.5 + 21
    end = second + 21 + 6
    culprit = waves[1][0]
    for seed, (name, host) in enumerate(record["hosts"].items()):
        host["after"] = BEFORE
        if host["wave"] == 3:
            host["phases"] = host["phases"][:1]
            host["receipt"] = receipt(BEGAN, end, end + 1, rate=380 / number, seed=seed)
            continue
        switched = next(one["from"] for one in host["phases"] if one["name"] == "cut over")
        host["phases"] = [one for one in host["phases"] if one["name"] != "drain"]
        host["phases"].append(phase("revert", end - 4.4, end - 3.6))
        host["receipt"] = receipt(
            BEGAN,
            end,
            switched,
            rate=380 / number,
            failures=(0, 4, 7, 9, 12, 11, 8, 3) if name == culprit else (),
            seed=seed,
        )
    record["ended_at"] = end
    record["receipt"] = summed(
        [one["receipt"] for one in record["hosts"].values() if one["receipt"]]
    )
    states = {
        name: "not begun" if host["wave"] == 3 else "reverted"
        for name, host in record["hosts"].items()
    }
    reason = (
        f"{culprit}: 54 of 1,996 requests failed (2.7 %); fleet_max_error_ratio allows 0.5 %\n"
        + JOURNAL
    )
    return _end(record, "reverted", reason, states)


def refused(number: int = 4) -> Record:
    """Return a rollout that ended before any wave: nothing was asked."""
    record = succeeded(number)
    record["apps"]["shop"]["waves"] = []
    record["ended_at"] = BEGAN + 19
    record["receipt"] = None
    for host in record["hosts"].values():
        host |= {
            "wave": None,
            "after": BEFORE,
            "receipt": None,
            "workers": None,
            "workers_reason": None,
        }
        host["phases"] = []
    record["hosts"]["web1"]["phases"] = [phase("build", BEGAN + 2, BEGAN + 18.4)]
    states = {name: "refused" if name == "web1" else "not begun" for name in record["hosts"]}
    reason = (
        "web1: requirements.txt: klarna==9.9.9 is not in the index; expected one of 4.1.0, 4.2.0"
    )
    return _end(record, "refused", reason, states)


def unreachable(number: int = 4) -> Record:
    """Return a rollout that lost a host in its second wave, and could not revert it."""
    record = reverted(number)
    lost = record["apps"]["shop"]["waves"][1][0]
    host = record["hosts"][lost]
    host |= {"state": "unreachable", "after": None, "receipt": None}
    host["notes"] = [
        "could not be reverted, since it does not answer; the next run brings it up to date"
    ]
    host["phases"] = host["phases"][:3]
    known = [one["receipt"] for one in record["hosts"].values() if one["receipt"]]
    record["receipt"] = summed(known)
    return _end(record, "failed", f"{lost}: did not answer", {lost: "unreachable"})


def idle(number: int = 2) -> Record:
    """Return a rollout during which nobody asked for anything."""
    record = succeeded(number)
    for host in record["hosts"].values():
        nothing = receipt(BEGAN, BEGAN + 40, BEGAN + 20, rate=0)
        nothing["bins"] = []
        host["receipt"] = nothing
    record["receipt"] = summed(
        [one["receipt"] for one in record["hosts"].values() if one["receipt"]]
    )
    return record


def several() -> Record:
    """Return a rollout of two applications, one of which failed."""
    record = succeeded(3)
    other = reverted(2)
    api = other["apps"]["shop"]
    api |= {"domain": "api.example.com", "waves": [["api1"], ["api2"]]}
    record["apps"]["api"] = api
    for index, host in enumerate(other["hosts"].values(), 1):
        host["app"] = "api"
        record["hosts"][f"api{index}"] = host
    record["receipt"] = summed(
        [one["receipt"] for one in record["hosts"].values() if one["receipt"]]
    )
    record["outcome"], record["reason"] = "reverted", other["reason"]
    record["next"] = other["next"]
    return record


def bare() -> Record:
    """Return a record in which nothing is known that may be unknown."""
    record = succeeded(2)
    for host in record["hosts"].values():
        host |= {
            "wave": None,
            "before": None,
            "after": None,
            "workers": None,
            "workers_reason": None,
        }
        host |= {"phases": [], "notes": [], "receipt": None, "state": ""}
    app = record["apps"]["shop"]
    app |= {
        "domain": "",
        "release": "",
        "before": [],
        "commit": "",
        "subject": "",
        "url": "",
        "waves": [],
    }
    record |= {
        "who": "",
        "inventory": "",
        "ended_at": None,
        "next": [],
        "receipt": None,
        "lines": [],
    }
    record["outcome"] = "interrupted"
    return record


def hostile() -> Record:
    """Return a rollout in which all foreign text tries to be more than text, and is long."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}\x1b[31m\x00\u202e"
    long = "very-long-name-of-a-host-" * 9 + ".example.com"
    record = reverted(3)
    app = record["apps"].pop("shop")
    app |= {
        "domain": evil,
        "release": evil,
        "before": [evil, "x" * 120],
        "commit": evil,
        "subject": evil * 4,
    }
    app |= {"url": "javascript:alert(1)", "reason": evil}
    record["apps"][evil] = app
    names = [evil, long, "web3"]
    for host in record["hosts"].values():
        host |= {
            "app": evil,
            "before": evil,
            "after": evil,
            "workers_reason": evil,
            "notes": [evil, "y" * 400],
        }
        host["state"] = evil
    record["hosts"] = dict(zip(names, record["hosts"].values(), strict=True))
    app["waves"] = [[evil], [long], ["web3"]]
    if record["receipt"]:
        record["receipt"]["by_release"] = {evil: {"requests": 9000, "failed": 54}}
    record |= {
        "id": evil,
        "who": evil,
        "inventory": evil,
        "next": [evil],
        "lines": [evil, "z" * 300],
    }
    record["reason"] = evil + "\n" + evil + "\n" + "w" * 500
    return record
