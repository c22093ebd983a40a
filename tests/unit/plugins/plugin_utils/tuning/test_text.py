"""The table, what disturbed a measurement, and the same as JSON."""

from __future__ import annotations

import json

from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning import text
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.recommendation import (
    Recommendation,
    Result,
)

FOUND = [
    Result(1, 1000.4, 60.2, 120.7, 48.6, 50.1, 5, 0.021, 0.1),
    Result(2, 1900, 31, 80, 47, 49, 10, 0.01, 0.1),
    Result(3, problem="round 2: 7 answers with status 500 of 2,000 requests"),
]
ADVICE = Recommendation(2, "2 workers: because", 2, 0.03)


def test_table_has_a_line_for_each_number() -> None:
    assert text.table(FOUND, ADVICE) == [
        "WORKERS  REQUESTS/S  P50    P99     MB EACH  CONNECTIONS",
        "1        1,000 ±2 %  60 ms  121 ms  49       5",
        "2        1,900 ±1 %  31 ms  80 ms   47       10           <- recommended",
        "3        -           -      -       -        -            "
        "does not count: round 2: 7 answers with status 500 of 2,000 requests",
    ]


def test_what_else_the_host_did_is_said_if_it_matters() -> None:
    quiet = {"busy_percent": 4.0, "steal_percent": 0.4}
    assert text.disturbances([quiet]) == []
    told = text.disturbances([quiet, {"busy_percent": 31.4, "steal_percent": 5.2}])
    assert told[0].startswith("disturbed: up to 31 % of the processors were busy just before")
    assert told[1].startswith("disturbed: up to 5 % of the processors' time went to other guests")
    assert text.disturbances([]) == []


def test_estimate_that_is_too_small_is_named_with_a_better_one() -> None:
    assert text.too_small_an_estimate(FOUND, 64) == []
    assert text.too_small_an_estimate(FOUND, 48) == [
        "app_worker_memory_mb is 48, but a worker had 50 MB under this load; set "
        "app_worker_memory_mb: 60, so that the plan counts right"
    ]


def test_document_has_all_of_it() -> None:
    told = json.loads(text.document({"host": "web1"}, FOUND, ADVICE))
    assert told["schema"] == 1
    assert told["host"] == "web1"
    assert [one["workers"] for one in told["results"]] == [1, 2, 3]
    assert told["recommendation"]["workers"] == 2
    assert json.loads(text.document({}, FOUND, None))["recommendation"] is None
