"""The folder on the controller where an authority lives that the first run makes.

    ca.pem            its certificate, for everybody
    ca.key            its private key, for nobody else
    former-<...>.pem  the certificates of those that it has replaced

Several processes may look at once, one for each host: whoever comes first makes it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_authority import (
    Authority,
    AuthorityError,
    Names,
    make_authority,
    read_authority,
    write_authority_key,
)

CERTIFICATE, KEY, LOCK = "ca.pem", "ca.key", ".lock"
VAULT = b"$ANSIBLE_VAULT;"
ENCRYPTED = (VAULT, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")

ReadFile = Callable[[str], bytes]


@dataclass(frozen=True)
class AuthorityFolder:
    """A folder of the controller.

    Attributes:
        path: Where it is.
        password: What the private key is encrypted with; empty if it is not.
        read_file: Reads a file; decrypts one that Vault encrypted.
    """

    path: Path
    password: str
    read_file: ReadFile

    @property
    def certificate_path(self) -> Path:
        """The file for everybody."""
        return self.path / CERTIFICATE

    @property
    def key_path(self) -> Path:
        """The file for nobody else."""
        return self.path / KEY

    def look(self, now: datetime) -> Authority | None:
        """Return the authority; None if there is none yet.

        Raises:
            AuthorityError: What is there cannot be one.
        """
        there = [path for path in (self.certificate_path, self.key_path) if path.exists()]
        if not there:
            return None
        if len(there) == 1:
            lacking = KEY if there == [self.certificate_path] else CERTIFICATE
            raise AuthorityError(
                [
                    f"{self.path} has {there[0].name} without {lacking}; expected both, or "
                    f"neither; bring {lacking} there, or move {there[0].name} away to have a new "
                    "authority made"
                ]
            )
        self._refuse_open_key()
        names = Names(str(self.certificate_path), str(self.key_path), "the key's password")
        return read_authority(
            self._read(self.certificate_path), self._read(self.key_path), self.password, names, now
        )

    def keep(self, now: datetime) -> tuple[Authority, bool]:
        """Return the authority, and whether it was made now.

        Raises:
            AuthorityError: What is there cannot be one, or the folder cannot be written.
        """
        with self._locked():
            found = self.look(now)
            if found:
                return found, False
            return self._write(make_authority(now)), True

    def replace(self, now: datetime) -> Authority:
        """Make a new authority in the place of the one that is there, whose key is removed.

        Raises:
            AuthorityError: The folder cannot be written, or the key would leave Vault.
        """
        with self._locked():
            if self.key_path.exists() and self.key_path.read_bytes().startswith(VAULT):
                raise AuthorityError(
                    [
                        f"{self.key_path} is encrypted by Vault; expected a password instead "
                        "(key_password), since a new key could not be encrypted; move ca.pem and "
                        "ca.key away, run again, and encrypt the new key"
                    ]
                )
            if self.certificate_path.exists():
                former = self.certificate_path.read_bytes()
                kept = self.path / f"former-{now:%Y%m%dT%H%M%S}.pem"
                kept.write_bytes(former)
            return self._write(make_authority(now))

    def advice(self) -> str:
        """Return a warning if git would take an unprotected key along; empty otherwise."""
        try:
            if self.key_path.read_bytes().startswith(ENCRYPTED):
                return ""
        except OSError:
            return ""
        if not _would_be_committed(self.key_path):
            return ""
        return (
            f"{self.key_path} lies in a git repository that does not ignore it, and everybody who "
            "gets that could issue certificates; expected a key that is encrypted, or kept out; "
            f"run ansible-vault encrypt {self.key_path}, or add it to .gitignore"
        )

    def _read(self, path: Path) -> bytes:
        try:
            return self.read_file(str(path))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise AuthorityError(
                [f"{path} cannot be read ({reason}); expected a file of your own; correct it"]
            ) from error

    def _refuse_open_key(self) -> None:
        mode = self.key_path.stat().st_mode & 0o777
        if mode & 0o077 and not self.key_path.read_bytes().startswith(ENCRYPTED):
            raise AuthorityError(
                [
                    f"{self.key_path} has the mode {mode:04o}; expected 0600, since whoever reads "
                    f"it can issue certificates; run chmod 600 {self.key_path}"
                ]
            )

    def _write(self, made: Authority) -> Authority:
        """Write both files, the key first: a certificate without a key could not issue anything."""
        _replace(self.key_path, write_authority_key(made.key, self.password), 0o600)
        _replace(self.certificate_path, made.pem, 0o644)
        return made

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self.path / LOCK).open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise AuthorityError(
                [
                    f"{self.path} cannot be written ({reason}); expected a folder of your own on "
                    "the controller; choose another one"
                ]
            ) from error


def _replace(path: Path, text: str, mode: int) -> None:
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _would_be_committed(path: Path) -> bool:
    """Return whether a file is in a git repository, and not ignored there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(path.parent), "check-ignore", "--quiet", path.name],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    # 0: ignored; 128: no repository.
    return done.returncode == 1
