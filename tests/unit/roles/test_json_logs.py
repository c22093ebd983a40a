"""Lines of JSON: what each has, which lines there are, and whose handlers stay."""

# The programs of a host have no types here.
# ruff: noqa: ANN401

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "gunicorn_service" / "files"
ENVIRONMENT = {"FLEET_RELEASE": "1.4.2-9f86d081", "FLEET_SLOT": "blue", "PYTHONUTF8": "1"}
BEGIN = f"""
import sys
sys.path.insert(0, {str(FILES)!r})
import json_logs
json_logs.install()
import logging
"""


def written(script: str, **environment: str) -> list[str]:
    """Run a script after `install`, and return the lines that it writes to standard error."""
    result = subprocess.run(
        [sys.executable, "-c", BEGIN + script],
        env={**os.environ, **ENVIRONMENT, **environment},
        capture_output=True,
        check=False,
        timeout=30,
    )
    # Not splitlines(), which would also divide at what Unicode counts as the end of a line.
    return result.stderr.decode().removesuffix("\n").split("\n") if result.stderr else []


def records(script: str, **environment: str) -> list[dict[str, Any]]:
    """Return the lines, each of which is an object."""
    return [json.loads(line) for line in written(script, **environment)]


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, which installs nothing."""
    monkeypatch.syspath_prepend(str(FILES))
    return importlib.import_module("json_logs")


def test_line_has_what_tells_it_apart() -> None:
    [told] = records('logging.getLogger("shop.orders").warning("no %s", "stock")')
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "WARNING",
        "logger": "shop.orders",
        "message": "no stock",
        "release": "1.4.2-9f86d081",
        "slot": "blue",
    }


def test_time_is_utc_to_the_millisecond(logs: ModuleType) -> None:
    record = logging.makeLogRecord({"created": 1795881600.0625, "msecs": 62.5, "msg": "x"})
    assert json.loads(logs.JsonFormatter().format(record))["time"] == "2026-11-28T16:00:00.062Z"


def test_exception_is_in_the_line_of_its_message() -> None:
    [told] = records("""
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("shop").exception("cannot divide")
""")
    assert (told["level"], told["message"]) == ("ERROR", "cannot divide")
    assert told["exception"].startswith("Traceback (most recent call last):\n")
    assert told["exception"].endswith("\nZeroDivisionError: division by zero")


def test_extra_is_kept_whatever_it_is() -> None:
    script = """
class Odd:
    def __str__(self): return "odd"
logging.warning("a", extra={"user": 7, "of": Odd(), "in": {"deep": [1]}})
logging.warning("b", extra={"ratio": float("nan")})
logging.warning("c", extra={"pairs": {(1, 2): 3}})
"""
    assert [told["extra"] for told in records(script)] == [
        {"user": 7, "of": "odd", "in": {"deep": [1]}},
        {"ratio": "nan"},
        {"pairs": "{(1, 2): 3}"},
    ]


def test_what_cannot_be_shown_costs_no_line() -> None:
    script = """
class Odd:
    def __str__(self): raise RuntimeError("detached")
    __repr__ = __str__
deep = []
for _ in range(100_000): deep = [deep]
logging.warning("a", extra={"of": Odd(), "in": [Odd()], "user": 7})
logging.warning("b", extra={"deep": deep})
logging.warning("c", extra={"huge": 10 ** 5000})
logging.warning("%d pieces", "no")
logging.warning("%s", Odd())
logging.warning("the application goes on")
"""
    odd = "<Odd that cannot be shown: RuntimeError>"
    told = records(script)
    assert [one.get("extra") for one in told[:3]] == [
        {"of": odd, "in": [odd], "user": 7},
        {"deep": "<list that cannot be shown: RecursionError>"},
        {"huge": "<int that cannot be shown: ValueError>"},
    ]
    assert [one["message"] for one in told] == [
        *("a", "b", "c"),
        "%d pieces (its arguments ('no',) do not fit: TypeError: %d format: a real number is "
        "required, not str)",
        "%s (its arguments <tuple that cannot be shown: RuntimeError> do not fit: RuntimeError: "
        "detached)",
        "the application goes on",
    ]


def test_unknown_option_is_refused_as_python_does() -> None:
    *_earlier, told = records('logging.basicConfig(lvl="INFO")')
    assert told["message"] == "Unrecognised argument(s): lvl"


@pytest.mark.parametrize("environment", [{}, {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}])
def test_any_text_is_one_line_of_json(environment: dict[str, str]) -> None:
    script = r'logging.warning("two\nlines, \u20ac \U0001f600 \udc80 \u2028 \x00")'
    [told] = records(script, **environment)
    assert told["message"] == "two\nlines, \u20ac \U0001f600 \udc80 \u2028 \x00"


@pytest.mark.parametrize("text", ["x", "\\0", "\\U0001f600"])
@pytest.mark.parametrize("environment", [{}, {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}])
def test_line_is_no_longer_than_the_journal_keeps(text: str, environment: dict[str, str]) -> None:
    script = f"""
try:
    raise ValueError("{text}" * 100_000 + "end")
except ValueError:
    logging.exception("begin" + "{text}" * 100_000, extra={{"more": "{text}" * 100_000}})
"""
    [line] = written(script, **environment)
    told = json.loads(line)
    assert len(line.encode()) < 48 * 1024
    assert (told["message"][:5], told["exception"][-3:], told["cut"]) == ("begin", "end", True)


@pytest.mark.parametrize(
    ("script", "messages"),
    [
        # What Python writes if nothing was set up.
        ('logging.getLogger("a").info("1"); logging.getLogger("a").warning("2")', ["2"]),
        (
            'logging.getLogger("a").setLevel("INFO"); logging.getLogger("a").info("1")',
            [],
        ),
        # What the application sets up by the one call holds, but for the format.
        (
            'logging.basicConfig(level="INFO", format="%(message)s")\n'
            'logging.getLogger("a").info("1"); logging.getLogger("a").debug("2")',
            ["1"],
        ),
        (
            "logging.basicConfig(level=10, stream=sys.stdout)\nlogging.debug('1')",
            ["1"],
        ),
        (
            "logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))\n"
            'logging.basicConfig(level="INFO", force=True); logging.info("1")',
            ["1"],
        ),
        # Beside it, one of a library.
        (
            'logging.basicConfig(level="INFO")\n'
            "logging.getLogger().addHandler(logging.NullHandler())\n"
            'logging.getLogger("a").addHandler(logging.StreamHandler(sys.stdout))\n'
            'logging.getLogger("a").info("1")',
            ["1"],
        ),
        ('logging.getLogger("a").addHandler(logging.NullHandler()); logging.warning("1")', ["1"]),
        ('a = logging.getLogger("a"); a.addHandler(logging.NullHandler()); a.warning("1")', []),
        # Functions of logging set the root logger up, if nobody has.
        ('logging.getLogger().setLevel("INFO"); logging.info("1")', ["1"]),
        (
            'logging.warning("1"); logging.getLogger().setLevel("INFO")\n'
            'logging.getLogger("a").info("2")',
            ["1", "2"],
        ),
        # The first call holds.
        (
            'logging.basicConfig(level="INFO"); logging.basicConfig(level="DEBUG")\n'
            'logging.getLogger("a").debug("1"); logging.getLogger("a").info("2")',
            ["2"],
        ),
        # No handler of the root logger's, by whichever way.
        ('a = logging.getLogger("a"); a.propagate = False; a.warning("1")', ["1"]),
        (
            "from logging.config import dictConfig\n"
            'dictConfig({"version": 1, "root": {"level": "INFO"}})\n'
            'logging.getLogger("a").info("1"); logging.getLogger("a").warning("2")',
            ["2"],
        ),
        (
            "logging.getLogger().handlers.clear(); logging.basicConfig(level=20)\n"
            "logging.info('1')",
            ["1"],
        ),
    ],
)
def test_lines_are_those_that_python_would_write(script: str, messages: list[str]) -> None:
    assert [told["message"] for told in records(script)] == messages


@pytest.mark.parametrize(
    "script",
    [
        'logging.basicConfig(handlers=[logging.StreamHandler()]); logging.warning("plain")',
        'logging.basicConfig(filename="/dev/stderr", format="%(message)s")\n'
        'logging.warning("plain")',
        'logging.getLogger("a").addHandler(logging.StreamHandler())\n'
        'logging.getLogger("a.b").warning("plain")',
        "from logging.config import dictConfig\n"
        'dictConfig({"version": 1, "handlers": {"h": {"class": "logging.StreamHandler"}}, '
        '"root": {"handlers": ["h"]}})\nlogging.warning("plain")',
        # Whoever looks first finds none yet.
        "root = logging.getLogger()\n"
        "if not root.handlers: root.addHandler(logging.StreamHandler()); root.setLevel('INFO')\n"
        'logging.getLogger("a").info("plain")',
        'a = logging.getLogger("a")\n'
        "if not a.hasHandlers(): a.addHandler(logging.StreamHandler()); a.setLevel('INFO')\n"
        'a.info("plain")',
    ],
)
def test_handlers_of_the_application_stay_as_they_are(script: str) -> None:
    [line] = written(script)
    assert line.endswith("plain")
    assert not line.startswith("{")


@pytest.mark.parametrize(
    "script",
    [
        "raise ValueError('not caught')",
        "import threading\n"
        "def run(): raise ValueError('not caught')\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()",
    ],
)
def test_error_that_nobody_catches_is_a_line(script: str) -> None:
    [told] = records(script)
    assert (told["logger"], told["level"], told["message"]) == (
        "uncaught",
        "CRITICAL",
        "not caught",
    )
    assert told["exception"].endswith("\nValueError: not caught")


def test_error_without_a_text_is_a_line() -> None:
    [told] = records("""
class Odd(Exception):
    def __str__(self): raise RuntimeError("detached")
raise Odd()
""")
    assert told["message"] == "<Odd that cannot be shown: RuntimeError>"
    assert "\nOdd: <" in told["exception"]


def test_install_is_done_once() -> None:
    assert len(records('json_logs.install(); logging.warning("once")')) == 1


def test_gunicorn_and_uvicorn_write_json() -> None:
    script = """
from gunicorn.config import Config
config = Config()
config.set("errorlog", "-")
log = json_logs.JsonLogger(config)
log.info("Booting worker with pid: %s", 7)
uvicorn = logging.getLogger("uvicorn.error")
uvicorn.handlers, uvicorn.propagate = log.error_log.handlers, False
uvicorn.warning("late", extra={"color_message": "coloured"})
"""
    told = records(script)
    assert [(one["logger"], one["message"]) for one in told] == [
        ("gunicorn.error", "Booting worker with pid: 7"),
        ("uvicorn.error", "late"),
    ]
    assert "extra" not in told[1]


def serve(logs: ModuleType, *scopes: dict[str, Any]) -> list[list[str]]:
    """Return which id each request's application, its thread and its server saw."""
    seen: list[list[str]] = []

    async def application(*_: object) -> None:
        await asyncio.sleep(0)
        seen.append([logs.request_id.get(), await asyncio.to_thread(logs.request_id.get)])

    async def server(app: Any, scope: dict[str, Any]) -> None:
        await app(scope, None, None)
        seen[-1].append(logs.request_id.get())

    async def run() -> None:
        app = logs.Identifying().begin(application)
        for scope in scopes:
            await asyncio.create_task(server(app, scope))

    asyncio.run(run())
    return seen


def test_id_is_that_of_the_request_and_of_no_other(logs: ModuleType) -> None:
    first = {"type": "http", "headers": [(b"host", b"x"), (b"x-request-id", b"a1")]}
    second = {"type": "websocket", "headers": [(b"x-request-id", b"b" * 500)]}
    third: dict[str, Any] = {"type": "http", "headers": []}
    assert serve(logs, first, second, third, {"type": "lifespan"}) == [
        ["a1"] * 3,
        ["b" * 128] * 3,
        [""] * 3,
        [""] * 3,
    ]


def test_line_of_a_request_has_its_id(logs: ModuleType) -> None:
    token = logs.request_id.set("a1")
    record = logging.makeLogRecord({"msg": "x"})
    assert json.loads(logs.JsonFormatter().format(record))["request_id"] == "a1"
    logs.request_id.reset(token)
    assert "request_id" not in json.loads(logs.JsonFormatter().format(record))


def test_what_counts_the_requests_goes_on(logs: ModuleType) -> None:
    wrapped: list[object] = []

    def around(application: object) -> object:
        wrapped.append(application)
        return application

    async def application(*_: object) -> None:
        """Serve nothing."""

    assert logs.Identifying(around).begin(application).application is application
    assert wrapped == [application]
