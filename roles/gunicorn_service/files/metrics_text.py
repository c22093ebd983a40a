"""The metrics of an application on a host, in the text format that Prometheus reads.

`METRICS` is the one table of them: docs/metrics.md is made of it. The format is that of version
0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import request_counts as rc

#: How often a reader begins again, because files were being added up meanwhile.
TRIES = 20
SLOTS = ("blue", "green")
_SECOND = 1e9


@dataclass(frozen=True)
class Metric:
    """One metric: `name` without the prefix, and the labels beside `app`."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


PREFIX = "asgi_fleet_"
METRICS = (
    Metric(
        "requests_total",
        "counter",
        ("slot", "route", "method", "status"),
        "Requests that the application answered; status none if the client left before.",
    ),
    Metric(
        "request_duration_seconds",
        "histogram",
        ("slot", "route"),
        "Time until the answer began, as a worker saw it.",
    ),
    Metric("requests_in_flight", "gauge", ("slot",), "Requests that workers answer now."),
    Metric("websockets_total", "counter", ("slot",), "WebSockets that clients opened."),
    Metric("websockets_open", "gauge", ("slot",), "WebSockets that are open now."),
    Metric("workers", "gauge", ("slot",), "Workers that live and count."),
    Metric("workers_planned", "gauge", ("slot",), "Workers that the slot was started to run."),
    Metric("workers_busy", "gauge", ("slot",), "Workers with at least one request in flight."),
    Metric("workers_ended_total", "counter", ("slot",), "Workers that have ended, in any way."),
    Metric(
        "worker_busy_seconds_total",
        "counter",
        ("slot",),
        "Time in which a worker had a request in flight, summed over the workers.",
    ),
    Metric("worker_cpu_seconds_total", "counter", ("slot",), "CPU time of the workers."),
    Metric(
        "worker_memory_bytes",
        "gauge",
        ("slot",),
        "Memory of the workers (Pss: what they share counts once), measured every 30 seconds.",
    ),
    Metric(
        "event_loop_lag_seconds",
        "histogram",
        ("slot",),
        "By how much the event loops of the workers were late, twice a second.",
    ),
    Metric("slot_live", "gauge", ("slot",), "1 for the slot that nginx connects to."),
    Metric("slot_active", "gauge", ("slot",), "1 if the slot's service runs."),
    Metric("slot_info", "gauge", ("slot", "release"), "1, with the release of the slot."),
    Metric(
        "service_restarts_total",
        "counter",
        ("slot",),
        "How often systemd started the slot's service again after a crash.",
    ),
    Metric("service_memory_bytes", "gauge", ("slot",), "Memory of the slot's service: its cgroup."),
    Metric("service_memory_limit_bytes", "gauge", ("slot",), "MemoryMax= of the slot's service."),
    Metric("maintenance", "gauge", (), "1 in maintenance mode."),
    Metric(
        "certificate_begin_timestamp_seconds",
        "gauge",
        (),
        "Since when the certificate that nginx serves is valid.",
    ),
    Metric(
        "certificate_end_timestamp_seconds",
        "gauge",
        (),
        "Until when the certificate that nginx serves is valid.",
    ),
    Metric(
        "backup_timestamp_seconds", "gauge", (), "When the last good backup began, if there is one."
    ),
)

Labels = tuple[tuple[str, str], ...]


@dataclass
class Samples:
    """Samples by metric, in the order of `METRICS`."""

    app: str
    found: dict[str, list[tuple[str, Labels, float]]] = field(default_factory=dict)

    def add(self, name: str, value: float, suffix: str = "", **labels: str) -> None:
        """Add one sample of a metric."""
        samples = self.found.setdefault(name, [])
        samples.append((suffix, (("app", self.app), *labels.items()), value))

    def add_histogram(
        self,
        name: str,
        limits: Sequence[float],
        buckets: Sequence[int],
        total: float,
        **labels: str,
    ) -> None:
        """Add a histogram.

        Args:
            name: The metric.
            limits: The buckets' upper limits.
            buckets: What each bucket has counted alone; one more than there are limits.
            total: The sum of what was observed.
            labels: The labels, without `le`.
        """
        count = 0
        for limit, bucket in zip((*map(_number, limits), "+Inf"), buckets, strict=True):
            count += bucket
            self.add(name, count, "_bucket", **labels, le=limit)
        self.add(name, total, "_sum", **labels)
        self.add(name, count, "_count", **labels)

    def text(self) -> str:
        """Return all of it as Prometheus reads it; what has no sample is left out."""
        return "".join(line + "\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for metric in METRICS:
            if metric.name not in self.found:
                continue
            name = PREFIX + metric.name
            yield f"# HELP {name} {metric.help}"
            yield f"# TYPE {name} {metric.type}"
            for suffix, labels, value in self.found[metric.name]:
                shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
                yield f"{name}{suffix}{{{shown}}} {_number(value)}"


def add_slot(samples: Samples, slot: str, total: rc.Counts, alive: Iterable[rc.Worker]) -> None:
    """Add what a slot's workers have counted.

    Args:
        samples: Gets them.
        slot: The slot.
        total: What all its workers have counted.
        alive: Those that live.
    """
    for route, counters in sorted(total.routes.items()):
        for number, count in enumerate(counters[: rc.REQUESTS]):
            method, status = divmod(number, len(rc.STATUSES))
            if count:
                labels = {"method": rc.METHODS[method], "status": rc.STATUSES[status]}
                samples.add("requests_total", count, slot=slot, route=route, **labels)
        samples.add_histogram(
            "request_duration_seconds",
            rc.DURATIONS,
            counters[rc.DURATION_BUCKETS :],
            counters[rc.DURATION_SUM] / _SECOND,
            slot=slot,
            route=route,
        )
    gauges = [worker.gauges for worker in alive]
    counters = total.counters
    for name, value in (
        ("requests_in_flight", sum(each[rc.IN_FLIGHT] for each in gauges)),
        ("websockets_total", counters[rc.WEBSOCKETS]),
        ("websockets_open", sum(each[rc.WEBSOCKETS_OPEN] for each in gauges)),
        ("workers", len(gauges)),
        ("workers_busy", sum(each[rc.IN_FLIGHT] > 0 for each in gauges)),
        ("workers_ended_total", total.ended),
        ("worker_busy_seconds_total", counters[rc.BUSY] / _SECOND),
        ("worker_cpu_seconds_total", counters[rc.CPU] / _SECOND),
        ("worker_memory_bytes", sum(each[rc.MEMORY] for each in gauges)),
    ):
        samples.add(name, value, slot=slot)
    lags = counters[rc.LAG_BUCKETS :]
    lag_sum = counters[rc.LAG_SUM] / _SECOND
    samples.add_histogram("event_loop_lag_seconds", rc.LAGS, lags, lag_sum, slot=slot)


def add_unit(samples: Samples, slot: str, unit: Mapping[str, str]) -> None:
    """Add what systemd says of a slot's service.

    Args:
        samples: Gets them.
        slot: The slot.
        unit: Its properties, as `systemctl show` prints them; none if systemd did not answer.
    """
    if "ActiveState" in unit:
        samples.add("slot_active", unit["ActiveState"] == "active", slot=slot)
    for name, told in (
        ("service_restarts_total", unit.get("NRestarts", "")),
        ("service_memory_bytes", unit.get("MemoryCurrent", "")),
        ("service_memory_limit_bytes", unit.get("MemoryMax", "")),
    ):
        # A unit that does not run has `[not set]`, or the largest number of 64 bits.
        if re.fullmatch(r"[0-9]{1,15}", told):
            samples.add(name, int(told), slot=slot)


def read_slot(directory: str, slot: str) -> tuple[rc.Counts, list[rc.Worker]]:
    """Return what all workers of a slot have counted, and those that live.

    Raises:
        OSError: The folder cannot be read, or changes all the time.
    """
    for _try in range(TRIES):
        total = rc.read_ended(directory, slot)
        last, alive = total.last, []
        for name in rc.files_of(directory, slot):
            worker = rc.read_worker(os.path.join(directory, name))
            if worker is None or name == last:
                # Gone, not ours, or added up and about to be removed.
                continue
            total.add(worker.counts)
            if worker.alive:
                alive.append(worker)
            else:
                total.ended += 1
        if rc.read_ended(directory, slot).last == last:
            return total, alive
    raise OSError(f"{directory} changes all the time")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(float(value))]
    return str(int(value)) if value == int(value) else repr(float(value))
