"""Public keys of SSH, as `authorized_keys` has them: sshd(8), AUTHORIZED_KEYS FILE FORMAT."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

#: What every sshd of a supported release accepts; ssh-dss is none of it since OpenSSH 7.0.
TYPES = (
    *("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"),
    *("ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
)
#: Begins of an option with a text in quotes, which may have spaces; the rest of the line follows.
_OPTIONS = re.compile(r'((?:[^\s"]|"(?:[^"\\]|\\.)*")+)\s+(.*)')
_OPTION = re.compile(r'((?:[^,"]|"(?:[^"\\]|\\.)*")+),?')
#: What a file or a text with a private key has, of OpenSSH, OpenSSL and PuTTY.
_PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File", re.MULTILINE)


class PublicKey(NamedTuple):
    """One line.

    Attributes:
        options: Names of the options in lower case, such as `command`.
        type: Such as `ssh-ed25519`.
        blob: The key itself, in base64.
        comment: Whose it is, perhaps empty.
        line: The whole line.
    """

    options: tuple[str, ...]
    type: str
    blob: str
    comment: str
    line: str

    @property
    def shown(self) -> str:
        """What it is called in messages: its comment, or its fingerprint."""
        return self.comment or self.fingerprint

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def is_private(text: str) -> bool:
    """Return whether a text has a private key in it."""
    return bool(_PRIVATE.search(text))


def parse(line: str) -> PublicKey | None:
    """Return the key of a line, or None if it has none that sshd would accept."""
    line = line.strip()
    options: tuple[str, ...] = ()
    rest = line
    if line.split(None, 1)[:1] and line.split(None, 1)[0] not in TYPES:
        found = _OPTIONS.match(line)
        if not found:
            return None
        names = (one.partition("=")[0].strip().lower() for one in _OPTION.findall(found[1]))
        options, rest = tuple(names), found[2]
    words = rest.split(None, 2)
    if len(words) < 2 or words[0] not in TYPES or not _is_key(words[0], words[1]):
        return None
    return PublicKey(options, words[0], words[1], words[2].strip() if len(words) > 2 else "", line)


def keys_of(text: str) -> Iterator[PublicKey]:
    """Yield the keys of a file; lines that are none are passed over, as sshd does."""
    for line in text.splitlines():
        key = parse(line)
        if key and not line.lstrip().startswith("#"):
            yield key


def _is_key(kind: str, blob: str) -> bool:
    """Return whether a blob begins with the name of its own type (RFC 4253, 6.6)."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return False
    name = kind.encode()
    return raw.startswith(len(name).to_bytes(4, "big") + name) and len(raw) > len(name) + 4
