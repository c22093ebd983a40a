"""Holds connections to the database: `connected.py COUNT [SECONDS]`; else until a signal."""

import contextlib
import signal
import sys

import psycopg
from main import DATABASE

count = int(sys.argv[1])
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else None
# Blocked before anything else, so that the signal ends the wait below and nothing else.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
with contextlib.ExitStack() as stack:
    for _ in range(count):
        stack.enter_context(psycopg.connect(DATABASE))
    if seconds is None:
        signal.sigwait([signal.SIGTERM])
    else:
        signal.sigtimedwait([signal.SIGTERM], seconds)
