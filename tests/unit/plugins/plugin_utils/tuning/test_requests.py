"""What may be asked of a measurement, and how the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.requests import (
    Fleet,
    asked_host,
    tune_request,
)

BALANCED = Fleet(["web1", "web2"], ["web1", "web2"], ["lb1"])
ALONE = Fleet(["web1"], ["web1"], [])


def told(variables: dict[str, Any], fleet: Fleet = BALANCED) -> str:
    return "\n".join(problem.message for problem in tune_request(variables, fleet)[1])


def test_defaults_suit_a_fleet_with_a_balancer() -> None:
    assert tune_request({}, BALANCED) == (
        {
            "seconds": 10,
            "rounds": 3,
            "connections": 64,
            "while_serving": False,
            "write": False,
            "workers": [],
        },
        [],
    )


@pytest.mark.parametrize(
    ("value", "workers"),
    [
        ("auto", []),
        ("1,2,4", [1, 2, 4]),
        ("4, 2,2", [2, 4]),
        ([3, "1"], [1, 3]),
        (2, [2]),
        ("2", [2]),
    ],
)
def test_numbers_of_workers_may_come_as_text(value: object, workers: list[int]) -> None:
    assert tune_request({"tune_workers": value}, BALANCED)[0]["workers"] == workers
    assert told({"tune_workers": value}) == ""


def test_request_may_have_all_that_http_has() -> None:
    request = {
        "path": "/orders?open=1",
        "method": "POST",
        "headers": {"Authorization": "Bearer x", "X-Count": 1},
        "body": {"item": 7},
        "weight": "3",
    }
    assert told({"tune_requests": [request, {"path": "/"}]}) == ""


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"tune_seconds": 0},
            "tune_seconds is 0; expected a number from 1 to 600; correct -e tune_seconds=...",
        ),
        ({"tune_rounds": "many"}, "tune_rounds is many; expected a number from 1 to 20; "),
        ({"tune_connections": 5000}, "tune_connections is 5000; expected a number from 1 to 4096"),
        ({"tune_write": "perhaps"}, "tune_write is perhaps; expected true or false; correct -e"),
        ({"tune_while_serving": 2}, "tune_while_serving is 2; expected true or false"),
        ({"tune_workers": "all"}, "tune_workers[0] is all; expected a number from 1 to 512; "),
        ({"tune_workers": [1, 0]}, "tune_workers[1] is 0; expected a number from 1 to 512"),
        ({"tune_workers": []}, "tune_workers is empty; expected auto, or numbers such as 1,2,4"),
        ({"tune_workers": True}, "tune_workers is true; expected auto, or numbers"),
        ({"tune_workers": list(range(1, 70))}, "tune_workers is 69 numbers; expected at most 64"),
        (
            {"tune_requests": "/"},
            "tune_requests is a text; expected a list of requests, each with a path; set it in",
        ),
        ({"tune_requests": ["/"]}, "tune_requests[0] is a text; expected a mapping with a path"),
        ({"tune_requests": [{}]}, "tune_requests[0].path is empty; expected a path such as /ord"),
        ({"tune_requests": [{"path": "a"}]}, "tune_requests[0].path is a; expected a path"),
        ({"tune_requests": [{"path": "/a b"}]}, "tune_requests[0].path is /a b; expected a path"),
        (
            {"tune_requests": [{"path": "/a\r\nX: y"}]},
            "tune_requests[0].path is /a  X: y; expected a path",
        ),
        (
            {"tune_requests": [{"path": "/", "verb": "GET"}]},
            "tune_requests[0] is has verb; expected path, method, headers, body, weight",
        ),
        ({"tune_requests": [{"path": "/a\0"}]}, "tune_requests[0].path is /a ; expected a path"),
        (
            {"tune_requests": [{"path": "/", "method": "head"}]},
            "tune_requests[0].method is head; expected a method whose answers have a body, since "
            "wrk waits for one; ask for the same path with GET, or leave it out",
        ),
        (
            {"tune_requests": [{"path": "/", "headers": {"transfer-encoding": "chunked"}}]},
            "tune_requests[0].headers.transfer-encoding is set; expected none, since each request "
            "is sent with its length; remove it",
        ),
        ({"tune_requests": [{"path": "/", "method": "G T"}]}, ".method is G T; expected a method"),
        ({"tune_requests": [{"path": "/", "weight": 0}]}, ".weight is 0; expected a number from"),
        ({"tune_requests": [{"path": "/", "body": 7}]}, ".body is a number; expected a text, or"),
        ({"tune_requests": [{"path": "/", "headers": ["a"]}]}, ".headers is a list; expected a m"),
        (
            {"tune_requests": [{"path": "/", "headers": {"a b": "c"}}]},
            "expected names of headers",
        ),
        ({"tune_requests": [{"path": "/"}] * 101}, "is a list of 101; expected at most 100"),
    ],
)
def test_wrong_input_is_refused_by_name(variables: dict[str, Any], message: str) -> None:
    assert message in told(variables)


def test_value_of_a_header_is_not_shown() -> None:
    request = {"path": "/", "headers": {"Authorization": "Bearer s3cret\r\nX: y"}}
    message = told({"tune_requests": [request]})
    assert "tune_requests[0].headers.Authorization is no text of one line" in message
    assert "s3cret" not in message


def test_host_with_visitors_must_be_named_as_such() -> None:
    assert told({}, ALONE) == (
        "tune_while_serving is not set, and there is no group balancer that could take the host "
        "out of traffic; expected a host without visitors, since the load competes with them; "
        "add -e tune_while_serving=true to measure all the same"
    )
    assert told({"tune_while_serving": "true"}, ALONE) == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "tune is not set; expected the host to measure on, one of the group app; add -e tu"),
        ("db1", "tune is db1; expected one host of the group app: web1, web2; correct -e tune="),
        ("web2", "tune is web2, which --limit leaves out; expected a host of this run; --limit w"),
        ("web1", ""),
    ],
)
def test_host_is_one_of_this_run(name: str, message: str) -> None:
    fleet = Fleet(["web1", "web2"], ["web1"], ["lb1"])
    host, problems = asked_host({"tune": name}, fleet)
    assert host == name
    assert "\n".join(problem.message for problem in problems).startswith(message)
    assert bool(problems) == bool(message)
