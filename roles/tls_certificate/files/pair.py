"""The exchange of a certificate and its key on a host: checked, then in use by one rename.

Standard library and openssl(1) only. Programs of the role import it; each runs as root.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import ipaddress
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from dataclasses import dataclass

CERTIFICATE, KEY, CURRENT, STATE = "fullchain.pem", "privkey.pem", "current", "renewal.json"
#: Inside each pair's folder, and always empty: the root of nginx's server, which finds the pair by
#: it. A location that serves files by accident must find nothing there, least of all the key.
EMPTY = "empty"


class PairError(Exception):
    """The pair cannot be used; the message says why."""


@dataclass(frozen=True)
class Validity:
    """From when to when a certificate is valid, in Unix time."""

    begins: float
    ends: float

    @property
    def lifetime(self) -> float:
        """How long it lives."""
        return self.ends - self.begins

    def left(self, now: float) -> float:
        """Return the share of the lifetime that is left; below 0 when it has expired."""
        return (self.ends - now) / self.lifetime if self.lifetime > 0 else -1.0


def install(
    directory: str,
    kind: str,
    certificate: str,
    key: str,
    domains: list[str],
    *,
    group: str = "root",
    mode: int = 0o600,
) -> bool:
    """Check a pair, write it into a folder of its own, and bring it into use by one rename.

    Args:
        directory: The folder of the pairs.
        kind: Of the mode, such as `acme`: the folder is `<kind>-<digest>`; older ones are removed.
        certificate: The certificate and its chain, as PEM text.
        key: Its private key, likewise.
        domains: The names and addresses that it must cover.
        group: The group that may read the key.
        mode: The mode of the key.

    Returns:
        Whether it was not in use before.

    Raises:
        PairError: It cannot serve; nothing was changed.
    """
    digest = hashlib.sha256((certificate + key).encode()).hexdigest()[:16]
    name = f"{kind}-{digest}"
    link = os.path.join(directory, CURRENT)
    if os.path.islink(link) and os.readlink(link) == name:
        return False
    check(certificate, key, domains)
    folder = os.path.join(directory, name)
    made = f"{folder}.new"
    shutil.rmtree(made, ignore_errors=True)
    os.makedirs(os.path.join(made, EMPTY))
    gid = grp.getgrnam(group).gr_gid
    _write(os.path.join(made, CERTIFICATE), certificate, 0o644, 0)
    _write(os.path.join(made, KEY), key, mode, gid)
    for path in (made, os.path.join(made, EMPTY)):
        os.chmod(path, 0o755)  # noqa: S103 (every worker of nginx enters it)
    if os.path.isdir(folder):
        shutil.rmtree(folder)
    os.rename(made, folder)
    former = os.path.basename(os.readlink(link)) if os.path.islink(link) else ""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{link}.new")
    os.symlink(name, f"{link}.new")
    os.replace(f"{link}.new", link)
    _sync(directory)
    _remove_older(directory, kind, {name, former})
    return True


def check(certificate: str, key: str, domains: list[str], now: float | None = None) -> Validity:
    """Return from when to when a pair is valid.

    Raises:
        PairError: Its halves do not belong together, it is not valid now, or for other names.
    """
    public = _openssl(["x509", "-noout", "-pubkey"], certificate)
    if not public:
        raise PairError("the certificate cannot be read")
    if _openssl(["pkey", "-pubout", "-passin", "pass:"], key) != public:
        raise PairError("the private key belongs to another certificate")
    span = validity(certificate)
    clock = time.time() if now is None else now
    if clock < span.begins:
        raise PairError("the certificate is not valid yet; is the clock of this host right?")
    if clock > span.ends:
        raise PairError("the certificate has expired; is the clock of this host right?")
    for domain in domains:
        if not covers(certificate, domain):
            raise PairError(f"the certificate is not for {domain}")
    return span


def validity(certificate: str) -> Validity:
    """Return from when to when a certificate is valid.

    Raises:
        PairError: It cannot be read.
    """
    told = dict(
        line.partition("=")[::2]
        for line in _openssl(["x509", "-noout", "-dates"], certificate).splitlines()
    )
    try:
        return Validity(
            *(ssl.cert_time_to_seconds(told[name].strip()) for name in ("notBefore", "notAfter"))
        )
    except (KeyError, ValueError):
        raise PairError("the certificate cannot be read") from None


def covers(certificate: str, domain: str) -> bool:
    """Return whether a certificate is for a name or an address; for a wildcard, any name below."""
    try:
        asked = ["-checkip", str(ipaddress.ip_address(domain))]
    except ValueError:
        asked = ["-checkhost", re.sub(r"^\*\.", "any.", domain)]
    return "does match certificate" in _openssl(["x509", "-noout", *asked], certificate)


def in_use(directory: str) -> str:
    """Return the certificate that is in use, as PEM text; empty if there is none."""
    try:
        with open(os.path.join(directory, CURRENT, CERTIFICATE), encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def read_state(directory: str) -> dict[str, object]:
    """Return what the last renewal left in `renewal.json`; empty if there is none."""
    try:
        with open(os.path.join(directory, STATE), encoding="utf-8") as file:
            state = json.load(file)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(directory: str, **state: object) -> None:
    """Write `renewal.json`: mode, checked, renewed, failures, reason and next, times in seconds."""
    path = os.path.join(directory, STATE)
    _write(f"{path}.new", json.dumps(state, indent=1, sort_keys=True) + "\n", 0o644, 0)
    os.replace(f"{path}.new", path)


def _remove_older(directory: str, kind: str, kept: set[str]) -> None:
    for name in os.listdir(directory):
        ours = re.fullmatch(rf"{re.escape(kind)}-[0-9a-f]{{16}}(\.new)?", name)
        if ours and name not in kept:
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


def _write(path: str, text: str, mode: int, gid: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    # Never readable by others, not even for a moment.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        if os.geteuid() == 0:
            os.fchown(file.fileno(), 0, gid)
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def _sync(directory: str) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _openssl(arguments: list[str], given: str) -> str:
    done = subprocess.run(
        ["openssl", *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return done.stdout
