"""The ways to a target: HTTP, mail, and a command on the controller."""

from __future__ import annotations

import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from http.client import HTTPException
from typing import IO, Any

import jinja2
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.bodies import body, mail
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import Event, whoever
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.sending import NotTold, too_late
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.targets import Target

AGENT = "asgi.fleet"
#: Where Debian, the BSDs and macOS have it, PATH or not.
SENDMAIL = ("/usr/sbin/sendmail", "/usr/lib/sendmail")


def send(target: Target, event: Event) -> None:
    """Tell a target of an event.

    Raises:
        NotTold: It was not told; the message repeats nothing of the target but its name.
    """
    try:
        _SENDERS[target["type"]](target, event)
    except NotTold:
        raise
    except jinja2.TemplateError as error:
        raise NotTold(f"its template fails ({type(error).__name__})") from None
    except (smtplib.SMTPException, HTTPException, OSError, ValueError) as error:
        raise NotTold(_reason(error, target)) from None


def _webhook(target: Target, event: Event) -> None:
    """POST the event; a redirect is not followed, since the URL and the headers are secrets."""
    content, content_type = body(target, event)
    headers = {**target["headers"], "Content-Type": content_type, "User-Agent": AGENT}
    # inputs/notify.py has refused other schemes.
    request = urllib.request.Request(target["url"], content, headers, method="POST")  # noqa: S310
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=_trust(target["ca_bundle"])), _NoRedirect
    )
    try:
        # The status tells; the body, which may never end, is not read.
        opener.open(request, timeout=target["timeout_seconds"]).close()
    except urllib.error.HTTPError as error:
        error.close()
        redirected = ", a redirect, which is not followed" if 300 <= error.code < 400 else ""
        raise NotTold(f"status {error.code}{redirected}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        """Follow nothing: the status is the answer."""


def _trust(ca_bundle: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_bundle or None)


def _mail(target: Target, event: Event) -> None:
    message = mail(target, event, _sender())
    if target["smtp"] is None:
        _sendmail(message, target["timeout_seconds"])
    else:
        _submit(message, target["smtp"], target["timeout_seconds"])


def _sender() -> str:
    return f"{whoever().partition('@')[0]}@{socket.gethostname() or 'localhost'}"


def _submit(message: EmailMessage, smtp: dict[str, Any], seconds: int) -> None:
    where = (smtp["host"], smtp["port"])
    context = _trust(smtp["ca_bundle"])
    connection = (
        smtplib.SMTP_SSL(*where, timeout=seconds, context=context)
        if smtp["security"] == "tls"
        else smtplib.SMTP(*where, timeout=seconds)
    )
    with connection:
        if smtp["security"] == "starttls":
            connection.starttls(context=context)
        if smtp["user"]:
            connection.login(smtp["user"], smtp["password"])
        connection.send_message(message)


def _sendmail(message: EmailMessage, seconds: int) -> None:
    program = next(filter(None, map(shutil.which, ("sendmail", *SENDMAIL))), None)
    if program is None:
        raise NotTold("this machine has no sendmail; set smtp")
    _run([program, "-t", "-i"], message.as_bytes(), seconds)


def _command(target: Target, event: Event) -> None:
    content = json.dumps(event, ensure_ascii=False).encode() + b"\n"
    _run(target["command"], content, target["timeout_seconds"])


def _run(arguments: list[str], content: bytes, seconds: int) -> None:
    """Run a program with something to read, and end it with its children when its time is over.

    It reads from a file and writes to nowhere: a pipe would be held open by what it leaves behind.
    """
    with tempfile.TemporaryFile() as given:
        given.write(content)
        given.seek(0)
        process = _started(arguments, given)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise NotTold(f"it did not end in {seconds} s") from None
    if status:
        raise NotTold(
            f"exit status {status}" if status > 0 else f"ended by {signal.Signals(-status).name}"
        )


def _started(arguments: list[str], given: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments,
        stdin=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A group of its own, to be ended with its children.
        start_new_session=True,
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _reason(error: Exception, target: Target) -> str:
    """Return why a target could not be told; never an error's own text, which may have a secret."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    seconds = target["timeout_seconds"]
    if isinstance(cause, TimeoutError):
        return too_late(seconds)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):
        return f"no TLS with it ({cause.reason})"
    if isinstance(cause, socket.gaierror):
        return "its name does not resolve"
    if isinstance(cause, smtplib.SMTPResponseException):
        return f"status {cause.smtp_code}"
    if isinstance(cause, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _text in cause.recipients.values()})
        return f"no recipient was accepted, status {', '.join(map(str, codes))}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return f"no answer that can be read ({type(cause).__name__})"


_SENDERS: dict[str, Callable[[Target, Event], None]] = {
    "webhook": _webhook,
    "mail": _mail,
    "command": _command,
}
