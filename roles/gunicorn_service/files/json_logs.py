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
#: six bytes at most, as `\\u0000`.
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
            "message": record.getMessage(),
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
        told["message"] = told["message"][:KEPT]
        if "exception" in told:
            told["exception"] = told["exception"][-KEPT:]
        told.pop("extra", None)
        told.pop("stack", None)
        return self._line({**told, "cut": True})


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = {
        name: value
        for name, value in vars(record).items()
        if name not in _USUAL and name != _COLOURED
    }
    try:
        return dict(json.loads(json.dumps(given, default=str, allow_nan=False)))
    except (TypeError, ValueError):
        # Such as a key that is no text, or a number that JSON does not have.
        return {name: str(value) for name, value in given.items()}


class Console(logging.StreamHandler):  # type: ignore[type-arg]
    """The root logger's handler: takes the place of those that Python itself would make.

    Until the application asks for one by `logging.basicConfig()`, it is what `logging.lastResort`
    is: for warnings and worse that no other handler takes.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setLevel(logging.WARNING)
        self.setFormatter(JsonFormatter())
        self.asked_for = False

    def handle(self, record: logging.LogRecord) -> Any:  # noqa: ANN401 (differs by version)
        """Write a record, unless a handler of the application's own takes it."""
        if self.asked_for or not self._is_taken(record.name):
            return super().handle(record)
        return False

    def _is_taken(self, name: str) -> bool:
        known = logging.root.manager.loggerDict.get(name)
        logger: logging.Logger | None = known if isinstance(known, logging.Logger) else logging.root
        while logger is not None:
            for handler in logger.handlers:
                if handler is not self and not isinstance(handler, logging.NullHandler):
                    return True
            logger = logger.parent if logger.propagate else None
        return False

    def configure(self, **options: Any) -> None:  # noqa: ANN401 (those of logging)
        """Do what `logging.basicConfig()` is asked for; a format does not count."""
        root = logging.root
        others = [handler for handler in root.handlers if handler is not self]
        if self not in root.handlers or (others and not options.get("force")):
            _basic_config(**options)
            return
        elsewhere = options.get("stream") not in (None, sys.stdout, sys.stderr)
        if elsewhere or options.get("filename") or options.get("handlers") is not None:
            root.removeHandler(self)
            _basic_config(**options)
            return
        for handler in others:
            root.removeHandler(handler)
            handler.close()
        self.asked_for = True
        self.setLevel(logging.NOTSET)
        if options.get("level") is not None:
            root.setLevel(options["level"])


_basic_config = logging.basicConfig


@functools.cache
def install() -> Console:
    """Have what logging, and errors that nobody catches, write to standard error be JSON.

    Before the application is imported, and only once in a process.
    """
    console = Console()
    logging.root.addHandler(console)
    logging.basicConfig = console.configure

    def uncaught(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)
            return
        told = (kind, error, traceback)
        record = logging.LogRecord("uncaught", logging.CRITICAL, "", 0, str(error), None, told)
        console.acquire()
        try:
            console.emit(record)
        finally:
            console.release()

    def uncaught_in_thread(args: Any) -> None:  # noqa: ANN401 (threading has no name for it)
        if args.exc_value is not None and args.exc_type is not SystemExit:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
    return console


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
