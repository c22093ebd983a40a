"""What a slot's master and workers log, as JSON: an object on each line, for whatever reads them.

Deployed beside the slot's gunicorn.conf.py, which calls it if that is wanted. It runs in the
application's own virtual environment, and changes how lines look, not which there are: what Python
would write to standard error becomes JSON, at the levels that the application sets. What has a
handler of the application's own goes there, and nowhere else.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from gunicorn.glogging import Logger

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

#: journald divides a longer line: LineMax= of journald.conf(5).
LINE_BYTES = 48 * 1024 - 1
#: Characters that are then kept of the message's beginning and of the exception's end. One takes
#: six bytes at most, as `\\u0000`; if all is ASCII, twelve, and then half of them are kept.
KEPT = 3500
#: Characters of a request's id; nginx's has 32.
ID_LENGTH = 128
#: The id of the request that is answered; each is answered by a task, and so in a context, of its
#: own. Threads and tasks that it starts by asyncio or anyio have it too.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: What every record has; the rest was given as `extra`.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ID_HEADER = b"x-request-id"
#: Uvicorn's own: its message once more, with colours.
_COLOURED = "color_message"


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Its keys: time (UTC), level, logger, message, release, slot; request_id, exception, stack and
    extra if there are any.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ours = {
            "release": os.environ.get("FLEET_RELEASE", ""),
            "slot": os.environ.get("FLEET_SLOT", ""),
        }
        encoding = getattr(sys.stderr, "encoding", "") or ""
        self._ascii = encoding.lower().replace("-", "") != "utf8"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **self._ours,
        }
        if identity := request_id.get():
            told["request_id"] = identity
        if record.exc_info and record.exc_info[0] is not None:
            told["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            told["exception"] = record.exc_text
        if record.stack_info:
            told["stack"] = record.stack_info
        if extra := _extra(record):
            told["extra"] = extra
        line = self._line(told)
        return line if len(line.encode(errors="replace")) <= LINE_BYTES else self._cut(told)

    def _line(self, told: dict[str, Any]) -> str:
        return json.dumps(told, ensure_ascii=self._ascii)

    def _cut(self, told: dict[str, Any]) -> str:
        told.pop("extra", None)
        told.pop("stack", None)
        line = ""
        for kept in (KEPT, KEPT // 2):
            told["message"] = told["message"][:kept]
            if "exception" in told:
                told["exception"] = told["exception"][-kept:]
            line = self._line({**told, "cut": True})
            if len(line.encode(errors="replace")) <= LINE_BYTES:
                break
        return line


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        # Python would write the traceback instead, on many lines that are no JSON.
        reason = f"{type(error).__name__}: {_shown(error)}"
        return f"{_shown(record.msg)} (its arguments {_shown(record.args)} do not fit: {reason})"


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {
        name: _plain(value)
        for name, value in vars(record).items()
        if name not in _USUAL and name != _COLOURED
    }


def _plain(value: object) -> Any:  # noqa: ANN401 (what JSON has)
    try:
        return json.loads(json.dumps(value, default=_shown, allow_nan=False))
    except Exception:
        # Such as a key that is no text, a number that JSON does not have, or too deep a list:
        # a RecursionError would reach who logs.
        return _shown(value)


class LastResort(logging.StreamHandler):  # type: ignore[type-arg]
    """Takes the place of `logging.lastResort`: warnings and worse that no handler takes.

    Not a handler of the root logger: applications and libraries set up their own if it has none.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setLevel(logging.WARNING)
        self.setFormatter(JsonFormatter())


_basic_config = logging.basicConfig


def configure(**options: Any) -> None:  # noqa: ANN401 (those of logging)
    """Do what `logging.basicConfig()` is asked for; a format does not count."""
    before = list(logging.root.handlers)
    if options.get("stream") is sys.stdout:
        options["stream"] = sys.stderr
    _basic_config(**options)
    elsewhere = options.get("stream") not in (None, sys.stderr)
    if elsewhere or options.get("filename") or options.get("handlers") is not None:
        return
    for handler in logging.root.handlers:
        if handler not in before:
            handler.setFormatter(JsonFormatter())


@functools.cache
def install() -> LastResort:
    """Have what logging, and errors that nobody catches, write to standard error be JSON.

    Before the application is imported, and only once in a process.
    """
    last = LastResort()
    # Functions of logging, such as `logging.info()`, call it too if the root has no handler.
    logging.basicConfig = configure
    logging.lastResort = last

    def uncaught(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)
            return
        told = (kind, error, traceback)
        last.handle(
            logging.LogRecord("uncaught", logging.CRITICAL, "", 0, _shown(error), None, told)
        )

    def uncaught_in_thread(args: Any) -> None:  # noqa: ANN401 (threading has no name for it)
        if args.exc_value is not None and args.exc_type is not SystemExit:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
    return last


class JsonLogger(Logger):  # type: ignore[misc] # Gunicorn has no types
    """Gunicorn's `logger_class`; Uvicorn's worker writes by its handlers too."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - Gunicorn has no types
        """Set the handlers up as Gunicorn does, and have them write JSON."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


class Identifying:
    """Wraps applications such that what they log has the id of the request."""

    def __init__(self, around: Callable[[Application], Application] | None = None) -> None:
        self._around = around

    def begin(self, application: Application) -> Application:
        """Return an application whose requests are told apart; called in the worker."""
        return IdentifiedApplication(self._around(application) if self._around else application)


class IdentifiedApplication:
    """Keeps the request's id, as nginx sends it and logs it, where the formatter finds it."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Serve one request, WebSocket or lifespan, as ASGI 3 has it."""
        for name, value in scope.get("headers", ()):
            if name == _ID_HEADER:
                # Never taken back: Uvicorn logs an error after the application has ended.
                request_id.set(value[:ID_LENGTH].decode("latin-1"))
                break
        return self.application(scope, receive, send)
