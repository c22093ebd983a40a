"""What `playbooks/tune.yml` is asked for, checked before any host is contacted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    kind,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import MOST_WORKERS
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

AUTO = "auto"
#: The longest series, and the longest list of requests.
MOST_STEPS, MOST_REQUESTS = 64, 100
#: More rounds of a request than that in one cycle bring nothing.
MOST_WEIGHT = 1000
#: `tune_seconds`, `tune_rounds` and `tune_connections`: default, least, most.
NUMBERS = {
    "tune_seconds": (10, 1, 600),
    "tune_rounds": (3, 1, 20),
    "tune_connections": (64, 1, 4096),
}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
#: A method, and the name of a header: a token of RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PATH = re.compile(r"/[^\s#\x00-\x1f\x7f]*")
#: What wrk takes for the beginning of an answer whose body it waits for (HEAD), or for no HTTP.
_NO_METHODS = ("HEAD", "CONNECT")
#: The load sends a body with its length; another framing beside it is refused by nginx.
_FRAMING = ("content-length", "transfer-encoding")
_KEYS = ("path", "method", "headers", "body", "weight")


@dataclass(frozen=True)
class Fleet:
    """The hosts.

    Attributes:
        app: Those of the group app.
        play: Those of them that this run has.
        balancers: Those of the group balancer.
    """

    app: Sequence[str]
    play: Sequence[str]
    balancers: Sequence[str]


def asked_host(variables: Mapping[str, object], fleet: Fleet) -> tuple[str, list[Problem]]:
    """Return the host that `tune` names, and what is wrong with that."""
    name = str(variables.get("tune") or "")
    findings = Findings("tune", f"add -e tune={next(iter(fleet.app), 'HOST')}")
    if not name:
        findings.refuse("not set", "the host to measure on, one of the group app")
    elif name not in fleet.app:
        findings.refuse(
            seen(name), f"one host of the group app: {', '.join(fleet.app)}", "correct -e tune=..."
        )
    elif name not in fleet.play:
        findings.refuse(
            f"{name}, which --limit leaves out", "a host of this run", f"--limit {name}"
        )
    return name, findings.problems


def tune_request(
    variables: Mapping[str, object], fleet: Fleet
) -> tuple[dict[str, Any], list[Problem]]:
    """Return what to measure and how, and what is wrong.

    Args:
        variables: Those of the host.
        fleet: The hosts.

    Returns:
        `workers` (a list; empty for auto), `seconds`, `rounds`, `connections`, `while_serving` and
        `write`; and the problems.
    """
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    for name, (default, least, most) in NUMBERS.items():
        findings = Findings(name, f"correct -e {name}=...")
        number = integer(variables.get(name, default))
        if number is None or not least <= number <= most:
            findings.refuse(seen(variables[name]), f"a number from {least} to {most}")
        found[name.removeprefix("tune_")] = number
        problems += findings.problems
    for name in ("tune_while_serving", "tune_write"):
        findings = Findings(name, f"correct -e {name}=...")
        text = str(variables.get(name, False)).lower()
        if text not in (*_TRUE, *_FALSE):
            findings.refuse(seen(variables[name]), "true or false")
        found[name.removeprefix("tune_")] = text in _TRUE
        problems += findings.problems
    findings = Findings("tune_workers", "correct -e tune_workers=...")
    found["workers"] = _series(variables.get("tune_workers", AUTO), findings)
    requests = Findings("tune_requests")
    check_requests(variables.get("tune_requests", []), requests)
    serving = Findings(
        "tune_while_serving", "add -e tune_while_serving=true to measure all the same"
    )
    if not fleet.balancers and not found["while_serving"] and not problems:
        serving.refuse(
            "not set, and there is no group balancer that could take the host out of traffic",
            "a host without visitors, since the load competes with them",
        )
    problems += [*findings.problems, *requests.problems, *serving.problems]
    return found, problems


def _series(value: object, findings: Findings) -> list[int]:
    if value == AUTO:
        return []
    # `-e tune_workers=1,2,4` is a text.
    items = value.split(",") if isinstance(value, str) else value
    single = integer(items)
    items = [single] if single is not None else items
    if not isinstance(items, list) or not items:
        findings.refuse(seen(value), "auto, or numbers such as 1,2,4")
        return []
    numbers = [integer(item) for item in items]
    wrong = next(
        (i for i, one in enumerate(numbers) if one is None or not 1 <= one <= MOST_WORKERS), None
    )
    if wrong is not None:
        findings.refuse(seen(items[wrong]), f"a number from 1 to {MOST_WORKERS}", at=f"[{wrong}]")
        return []
    if len(numbers) > MOST_STEPS:
        findings.refuse(f"{len(numbers)} numbers", f"at most {MOST_STEPS}")
    return sorted({number for number in numbers if number is not None})


def check_requests(value: object, findings: Findings) -> None:
    """Find what is wrong with `tune_requests`. Values of headers and bodies are not shown."""
    if not isinstance(value, list):
        findings.refuse(kind(value), "a list of requests, each with a path")
        return
    if len(value) > MOST_REQUESTS:
        findings.refuse(f"a list of {len(value)}", f"at most {MOST_REQUESTS}")
    for number, request in enumerate(value):
        at = f"[{number}]"
        if not isinstance(request, Mapping):
            findings.refuse(kind(request), "a mapping with a path", at=at)
            continue
        for key in request.keys() - set(_KEYS):
            findings.refuse(f"has {seen(key)}", ", ".join(_KEYS), at=at)
        path = request.get("path", "")
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            findings.refuse(seen(path), "a path such as /orders?open=1", at=f"{at}.path")
        _check_method(request.get("method", "GET"), findings, f"{at}.method")
        weight = integer(request.get("weight", 1))
        if weight is None or not 1 <= weight <= MOST_WEIGHT:
            findings.refuse(
                seen(request["weight"]), f"a number from 1 to {MOST_WEIGHT}", at=f"{at}.weight"
            )
        _check_headers(request.get("headers", {}), findings, f"{at}.headers")
        body = request.get("body", "")
        if not isinstance(body, (str, Mapping, list)):
            findings.refuse(kind(body), "a text, or what becomes JSON", at=f"{at}.body")


def _check_method(method: object, findings: Findings, at: str) -> None:
    if not isinstance(method, str) or not _TOKEN.fullmatch(method):
        findings.refuse(seen(method), "a method such as POST", at=at)
    elif method.upper() in _NO_METHODS:
        findings.refuse(
            seen(method),
            "a method whose answers have a body, since wrk waits for one",
            "ask for the same path with GET, or leave it out",
            at=at,
        )


def _check_headers(headers: object, findings: Findings, at: str) -> None:
    if not isinstance(headers, Mapping):
        findings.refuse(kind(headers), "a mapping of headers", at=at)
        return
    for name, value in headers.items():
        if not _TOKEN.fullmatch(str(name)):
            findings.refuse(f"has {seen(str(name))}", "names of headers", at=at)
        elif str(name).lower() in _FRAMING:
            findings.refuse(
                "set",
                "none, since each request is sent with its length",
                "remove it",
                at=f"{at}.{name}",
            )
        elif not isinstance(value, (str, int)) or re.search(r"[\r\n\0]", str(value)):
            findings.refuse("no text of one line", "one", at=f"{at}.{name}")
