#!/usr/bin/python3
"""Has the running HAProxy use the certificates that are on disk, without a reload.

    load_certificates.py [--check] [path ...]

Without a path, all certificates that HAProxy uses are compared with their files. Key and
certificate are exchanged in one transaction on the runtime socket. Prints the path of each
exchanged certificate (with --check, of each that differs); prints nothing when memory and disk
agree, so it may be called at any time. Ends with 1, and says why, when one could not be exchanged:
HAProxy then serves the former one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable

SOCKET = "/run/haproxy/admin.sock"
LOCK = "/run/lock/haproxy_balancer.certificates"
#: How often a transaction is begun again, when a reload has ended it.
ATTEMPTS = 3
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

Ask = Callable[[str], str]


class LoadError(Exception):
    """Why a certificate could not be exchanged."""


class NotRunningError(Exception):
    """Nobody listens: HAProxy reads the files when it starts."""


def ask(command: str) -> str:
    """Return HAProxy's answer on its runtime socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        try:
            connection.connect(SOCKET)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunningError from error
        connection.sendall(f"{command}\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode(errors="replace").strip()


def read_pair(path: str) -> str:
    """Return a certificate with its chain and its key, as PEM without empty lines."""
    texts = []
    for name in (path, f"{path}.key"):
        try:
            with open(name, encoding="utf-8") as file:
                texts.append(file.read())
        except FileNotFoundError:
            # The key may be in the certificate's file.
            if name == path:
                raise
    # An empty line would end the payload.
    return "\n".join(line.strip() for text in texts for line in text.splitlines() if line.strip())


def fingerprint(pem: str) -> tuple[str, int]:
    """Return the SHA-1 of the first certificate, and how many follow it."""
    found = CERTIFICATE.findall(pem)
    if not found:
        raise LoadError("the file has no certificate")
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0])
    except ValueError as error:
        raise LoadError(f"the file's certificate cannot be read ({error})") from error
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(), len(found) - 1


def loaded(told: str) -> tuple[str, int]:
    """Return the same of the certificate that `show ssl cert PATH` tells of."""
    found = re.search(r"^SHA1 FingerPrint: ([0-9A-F]+)", told, re.MULTILINE)
    return (found.group(1) if found else ""), len(
        re.findall(r"^Chain Subject:", told, re.MULTILINE)
    )


def listed(told: str) -> tuple[list[str], str]:
    """Return the paths of `show ssl cert`, and the one with an open transaction, if any."""
    lines = [line.strip() for line in told.splitlines()]
    open_one = next((line[1:] for line in lines if line.startswith("*")), "")
    return [line for line in lines if line.startswith("/")], open_one


def exchange(path: str, pem: str, ask: Ask = ask) -> None:
    """Exchange the certificate that HAProxy has loaded from a path.

    Args:
        path: The path in HAProxy's configuration.
        pem: The certificate, its chain and its key.
        ask: Asks HAProxy.

    Raises:
        LoadError: HAProxy keeps the former one; the reason in its words.
    """
    reason = ""
    for _attempt in range(ATTEMPTS):
        told = ask(f"set ssl cert {path} <<\n{pem}\n")
        if not told.startswith(("Transaction created", "Transaction updated")):
            reason = told
            break
        told = ask(f"commit ssl cert {path}")
        if told.endswith("Success!"):
            if loaded(ask(f"show ssl cert {path}"))[0] != fingerprint(pem)[0]:
                raise LoadError("haproxy committed the certificate, but has another one in memory")
            return
        reason = told
        # Between both, a reload has begun a process that knows of no transaction.
        if "No ongoing transaction" not in told:
            break
        time.sleep(0.2)
    ask(f"abort ssl cert {path}")
    raise LoadError(" / ".join(line.strip() for line in reason.splitlines() if line.strip()))


def load(wanted: list[str], ask: Ask = ask, *, check: bool = False) -> tuple[list[str], list[str]]:
    """Return the paths that were exchanged, and what could not be.

    Args:
        wanted: Paths; empty for all that HAProxy uses.
        ask: Asks HAProxy.
        check: Change nothing.
    """
    done, failed = [], []
    used, abandoned = listed(ask("show ssl cert"))
    if abandoned and not check:
        # A run that was killed has left it; HAProxy has one transaction at a time.
        ask(f"abort ssl cert {abandoned}")
    for path in wanted or used:
        try:
            if path not in used:
                raise LoadError(f"haproxy does not use it; it uses {', '.join(used) or 'none'}")
            pem = read_pair(path)
            if fingerprint(pem) == loaded(ask(f"show ssl cert {path}")):
                continue
            if not check:
                exchange(path, pem, ask)
            done.append(path)
        except (LoadError, OSError) as error:
            failed.append(f"{path}: {error}; haproxy serves the former certificate")
    return done, failed


def main(arguments: list[str]) -> int:
    """Run as a program; return the exit code."""
    check = "--check" in arguments
    # One transaction at a time; whoever comes second compares again.
    with open(LOCK, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            done, failed = load([one for one in arguments if one != "--check"], check=check)
        except NotRunningError:
            return 0
        except OSError as error:
            done, failed = [], [f"haproxy does not answer on {SOCKET}: {error}"]
    for path in done:
        print(path)
    for reason in failed:
        print(reason, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
