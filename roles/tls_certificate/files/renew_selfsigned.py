"""A self-signed certificate, renewed on the host itself, before it ends.

    renew_selfsigned.py CONFIG

Its unit runs it daily, as root. It changes nothing unless the pair in use is self-signed and has
too little of its lifetime left. Standard library and openssl(1) alone.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import pair

MODE = "selfsigned"
#: Until the next run of the timer, and a little more.
DAY = 86400


@dataclass(frozen=True)
class Config:
    """What the role has written.

    Attributes:
        name: The common name.
        domains: Names and addresses that it is for.
        directory: Folder of the pairs.
        days: How long it is valid.
        renew_percent: The share of its lifetime below which it is renewed.
        key_group: Group that may read the key.
        key_mode: Mode of the key, in octal digits.
        command: What tells a server; empty for none.
    """

    name: str
    domains: list[str]
    directory: str
    days: int
    renew_percent: int
    key_group: str
    key_mode: str
    command: str


def read_config(path: str) -> Config:
    """Read what the role has written."""
    with open(path, encoding="utf-8") as file:
        return Config(**json.load(file))


def is_ours(directory: str) -> bool:
    """Return whether the pair in use is one that this program renews."""
    try:
        name = os.readlink(os.path.join(directory, pair.CURRENT))
    except OSError:
        return False
    return re.fullmatch(rf"{MODE}(-[0-9a-f]{{16}})?", name) is not None


def is_due(config: Config, now: float) -> bool:
    """Return whether the certificate in use has too little of its lifetime left."""
    try:
        span = pair.validity(pair.in_use(config.directory))
    except pair.PairError:
        return True
    return bool(100 * span.left(now) < config.renew_percent)


def make(config: Config) -> tuple[str, str]:
    """Return a new certificate and its key, as PEM.

    Raises:
        PairError: openssl has made none.
    """
    names = ",".join(map(_alternative, config.domains))
    with tempfile.TemporaryDirectory(dir=config.directory) as folder:
        files = [os.path.join(folder, name) for name in ("openssl.cnf", pair.CERTIFICATE, pair.KEY)]
        with open(files[0], "w", encoding="ascii") as file:
            # Every extension is named here: one of the system's own configuration would be added.
            file.write(
                "[req]\ndistinguished_name = name\nprompt = no\nx509_extensions = server\n"
                f"[name]\nCN = {config.name}\n"
                f"[server]\nsubjectAltName = {names}\nbasicConstraints = critical,CA:FALSE\n"
                "keyUsage = critical,digitalSignature\nextendedKeyUsage = serverAuth\n"
            )
        command = [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-sha256", "-days", str(config.days), "-config", files[0]),
            *("-out", files[1], "-keyout", files[2]),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            told = done.stderr.strip().splitlines()
            raise pair.PairError(
                f"openssl makes no certificate: {told[-1] if told else 'no reason'}"
            )
        texts = []
        for name in files[1:]:
            with open(name, encoding="ascii") as file:
                texts.append(file.read())
    return texts[0], texts[1]


def renew(config: Config) -> None:
    """Bring a new pair into use, and tell the server.

    Raises:
        PairError: That does not work; the reason.
    """
    certificate, key = make(config)
    pair.install(
        config.directory,
        MODE,
        certificate,
        key,
        config.domains,
        group=config.key_group,
        mode=int(config.key_mode, 8),
    )
    if not config.command:
        return
    done = subprocess.run(shlex.split(config.command), capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise pair.PairError(f"{config.command} failed: {told[-1] if told else 'no reason'}")


def main(arguments: list[str]) -> int:
    """Run as a program; return the exit code."""
    try:
        config, now = read_config(arguments[0]), time.time()
    except FileNotFoundError:
        # Balancers pin the certificate now, or another mode has taken over.
        return 0
    if not is_ours(config.directory):
        return 0
    state = pair.read_state(config.directory)
    renewed, failures, reason = state.get("renewed") or 0, 0, ""
    # A server that was not told is told again.
    if is_due(config, now) or state.get("failures"):
        try:
            renew(config)
            renewed = int(now)
        except (pair.PairError, OSError, LookupError) as error:
            failures, reason = int(str(state.get("failures") or 0)) + 1, str(error)
            print(reason, file=sys.stderr)
    pair.write_state(
        config.directory,
        mode=MODE,
        checked=int(now),
        renewed=renewed,
        failures=failures,
        reason=reason,
        next=int(now) + DAY,
    )
    return 1 if failures else 0


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name if name.isascii() else name.encode('idna').decode()}"


if __name__ == "__main__":
    os.umask(0o077)
    raise SystemExit(main(sys.argv[1:]))
