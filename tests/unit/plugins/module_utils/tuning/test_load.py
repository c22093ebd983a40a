"""What the load tool printed, read; what is no measurement says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.load import Served, parsed

LINE = (
    'fleet {"requests": 12000, "seconds": 10.000500, "p50_ms": 5.120, "p99_ms": 41.300, "bad": 0, '
    '"connect": 0, "read": 0, "write": 0, "timeout": 0, "statuses": {}}'
)
OUTPUT = f"Running 10s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n\n{LINE}\n"
GOOD = Served(12000, 10.0005, 5.12, 41.3, 0, {"connect": 0, "read": 0, "write": 0, "timeout": 0})


def test_line_of_the_script_is_read() -> None:
    served = parsed(OUTPUT)
    assert served == GOOD
    assert round(served.rps) == 1200
    assert served.problem == ""


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("", "it printed nothing"),
        ("unable to connect to 127.0.0.1:1 Connection refused", "unable to connect to 127.0.0.1"),
        ("fleet {", "cannot be read"),
        ('fleet {"requests": 1}', "cannot be read"),
        (LINE.replace('"bad": 0', '"bad": null'), "cannot be read"),
        (LINE.replace('"statuses": {}', '"statuses": 1'), "cannot be read"),
    ],
)
def test_output_without_the_line_is_refused_with_what_there_was(output: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parsed(output)


@pytest.mark.parametrize(
    ("served", "told"),
    [
        (replace(GOOD, bad=7), "7 answers with a status from 400 on of 12,000 requests"),
        (
            replace(GOOD, bad=7, statuses={"200": 5, "404": 3, "503": 4}),
            "3 answers with status 404, 4 answers with status 503 of 12,000 requests",
        ),
        (replace(GOOD, statuses={"307": 3}), "3 answers with status 307 of 12,000 requests"),
        (replace(GOOD, errors={"timeout": 2}), "2 requests without an answer for 10 s of 12,000"),
        (replace(GOOD, errors={"read": 2}, bad=1), "status from 400 on, 2 connections cut of"),
        (replace(GOOD, requests=0), "no request was answered"),
        (replace(GOOD, statuses={"200": 5, "201": 3}), ""),
    ],
)
def test_any_error_makes_it_no_measurement(served: Served, told: str) -> None:
    assert told in served.problem
    assert bool(told) == bool(served.problem)
