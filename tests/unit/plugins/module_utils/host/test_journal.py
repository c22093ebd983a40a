"""What of a journal is shown when a release is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.journal import telling

MASTER = [
    {"_PID": "10", "MESSAGE": "[2026-11-21 07:06:48 +0000] [10] [INFO] Starting gunicorn 27.0.1"},
    {"_PID": "10", "MESSAGE": "Traceback (most recent call last):"},
    {"_PID": "10", "MESSAGE": '  File "gunicorn/arbiter.py", line 270, in run'},
    {"_PID": "10", "MESSAGE": "[2026-11-21 07:06:49 +0000] [10] [ERROR] Worker failed to boot."},
]
WORKER = [
    {"_PID": "11", "MESSAGE": "Traceback (most recent call last):"},
    {"_PID": "11", "MESSAGE": "RuntimeError: the search index is gone"},
]


@pytest.mark.parametrize(
    ("entries", "shown"),
    [
        ([], []),
        (
            MASTER[:2] + WORKER + MASTER[2:],
            [MASTER[0], *WORKER, MASTER[3]],
        ),
        # Nothing says who the master is: everything is shown.
        (WORKER, WORKER),
    ],
)
def test_telling_leaves_out_the_masters_own_traceback(
    entries: list[dict[str, Any]], shown: list[dict[str, Any]]
) -> None:
    assert telling(entries) == [entry["MESSAGE"] for entry in shown]


def test_telling_reads_what_is_not_text() -> None:
    assert telling([{"_PID": "11", "MESSAGE": [103, 111, 255]}, {"_PID": "11"}]) == ["go\ufffd", ""]
