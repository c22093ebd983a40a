"""Whether hosts on a new release serve well enough to continue a rollout: pure, from their logs.

`asgi.fleet.traffic_info` collects what each host served.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

HostTraffic = Mapping[str, Any]
"""`requests`, `errors`, and `latency_ms`: how many requests by milliseconds, as text or number."""

NOT_JUDGED = "not judged: neither fleet_max_error_ratio nor fleet_max_p99_ms is set"
INCIDENT = (
    "those are over the limit too, so it may not be the release; "
    "a rollout does not go on during an incident"
)


@dataclass(frozen=True)
class Limits:
    """The limits for a release.

    Attributes:
        max_error_ratio: Share of answers from 500 to 599, from 0 to 1; None for no limit.
        max_p99_ms: Milliseconds in which 99 of 100 answers begin; None for no limit.
        min_requests: With fewer requests, nothing is judged.
    """

    max_error_ratio: float | None = None
    max_p99_ms: int | None = None
    min_requests: int = 100


@dataclass(frozen=True)
class Verdict:
    """The verdict on some hosts.

    Attributes:
        ok: Whether the rollout may continue.
        lines: What the operator should see.
        reasons: Why it may not continue; empty when it may.
    """

    ok: bool
    lines: list[str]
    reasons: list[str] = field(default_factory=list)


@dataclass
class Pool:
    """What some hosts served together."""

    requests: int = 0
    errors: int = 0
    latency_ms: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, hosts: Iterable[HostTraffic | None]) -> Pool:
        """Add hosts up; a host without data adds nothing."""
        pool = cls()
        for traffic in filter(None, hosts):
            pool.requests += traffic["requests"]
            pool.errors += traffic["errors"]
            pool.latency_ms.update(
                {int(taken): count for taken, count in traffic["latency_ms"].items()}
            )
        return pool

    def p99(self) -> int | None:
        """Return the milliseconds in which 99 of 100 answers began, by nearest rank."""
        rank = math.ceil(Fraction(99, 100) * self.latency_ms.total())
        seen = 0
        for taken in sorted(self.latency_ms):
            seen += self.latency_ms[taken]
            if seen >= rank:
                return taken
        return None

    def too_many_errors(self, limits: Limits) -> bool:
        """Return whether the share of errors is over its limit."""
        if limits.max_error_ratio is None or not self.requests:
            return False
        # The limit as it was written: 0.07 of 100 requests are exactly 7, but not with floats.
        return Fraction(self.errors, self.requests) > Fraction(str(limits.max_error_ratio))

    def too_slow(self, limits: Limits) -> bool:
        """Return whether the p99 is over its limit."""
        p99 = self.p99()
        return limits.max_p99_ms is not None and p99 is not None and p99 > limits.max_p99_ms

    def error_share(self) -> str:
        """Return the errors as text."""
        return f"{self.errors} of {self.requests} requests failed ({percent(self.ratio())})"

    def ratio(self) -> float:
        """Return the share of errors."""
        return self.errors / self.requests if self.requests else 0.0

    def line(self) -> str:
        """Return all figures as text."""
        if not self.requests:
            return "no requests"
        p99 = self.p99()
        return self.error_share() + ("" if p99 is None else f", p99 {p99} ms")


def percent(ratio: float) -> str:
    """Return a share as a percentage, with enough digits to distinguish it from others."""
    return f"{100 * ratio:.4g} %"


def judge(
    switched: Mapping[str, HostTraffic | None],
    waiting: Mapping[str, HostTraffic | None],
    limits: Limits,
) -> Verdict:
    """Judge hosts by what they served since they were switched to a new release.

    They are judged together, and each host with enough requests is also judged alone: one bad host
    among many good ones fails the wave.

    Args:
        switched: What the hosts on the new release served, by host; None for a host without data.
        waiting: The baseline: what hosts not yet switched served in the same time.
        limits: What is allowed.
    """
    if limits.max_error_ratio is None and limits.max_p99_ms is None:
        return Verdict(ok=True, lines=[NOT_JUDGED])
    together, others = Pool.of(switched.values()), Pool.of(waiting.values())
    lines = [f"{name_hosts(switched)}: {together.line()}"]
    if waiting:
        lines.append(f"not yet switched: {others.line()}")
    silent = sorted(host for host, traffic in switched.items() if traffic is None)
    if silent:
        lines.append(f"nothing is known of {', '.join(silent)}")
    if together.requests < limits.min_requests:
        few = f"{together.requests} of at least {limits.min_requests} (fleet_min_requests)"
        return Verdict(ok=True, lines=[*lines, f"too few requests to judge: {few}"])
    reasons = _reasons(name_hosts(switched), together, others, limits)
    if len(switched) > 1:
        for host, traffic in switched.items():
            alone = Pool.of([traffic])
            if alone.requests >= limits.min_requests:
                reasons += _reasons(host, alone, others, limits)
    verdict = "over the limits" if reasons else f"within the limits: {describe(limits)}"
    return Verdict(ok=not reasons, lines=[*lines, verdict, *reasons], reasons=reasons)


def name_hosts(hosts: Mapping[str, object]) -> str:
    """Return the name of one host, or the number of several."""
    return next(iter(hosts)) if len(hosts) == 1 else f"{len(hosts)} switched hosts"


def describe(limits: Limits) -> str:
    """Return the limits that are set."""
    parts = []
    if limits.max_error_ratio is not None:
        parts.append(f"at most {percent(limits.max_error_ratio)} failed")
    if limits.max_p99_ms is not None:
        parts.append(f"p99 at most {limits.max_p99_ms} ms")
    return ", ".join(parts)


def _reasons(subject: str, pool: Pool, others: Pool, limits: Limits) -> list[str]:
    """Return what is over a limit, each compared with the baseline."""
    comparable = others.requests >= limits.min_requests
    reasons = []
    if pool.too_many_errors(limits):
        allowed = f"at most {percent(limits.max_error_ratio or 0.0)} (fleet_max_error_ratio)"
        reason = f"{subject}: {pool.error_share()}; allowed is {allowed}"
        if others.requests:
            reason += f"; of the hosts not yet switched, {others.error_share()}"
        if comparable and others.too_many_errors(limits):
            reason += f"; {INCIDENT}"
        reasons.append(reason)
    if pool.too_slow(limits):
        allowed = f"at most {limits.max_p99_ms} ms (fleet_max_p99_ms)"
        reason = f"{subject}: the p99 is {pool.p99()} ms; allowed is {allowed}"
        if others.p99() is not None:
            reason += f"; that of the hosts not yet switched is {others.p99()} ms"
        if comparable and others.too_slow(limits):
            reason += f"; {INCIDENT}"
        reasons.append(reason)
    return reasons
