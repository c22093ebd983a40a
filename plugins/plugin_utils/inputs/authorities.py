"""The authority that a task names: in a folder of the controller, or given as texts or paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.authority_folder import (
    AuthorityFolder,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_authority import (
    Authority,
    AuthorityError,
    Names,
    read_authority,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import (
    missing_cryptography,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import is_pem

#: Options of every task that needs an authority.
OPTIONS: dict[str, Any] = {
    "folder": {"type": "str", "default": ""},
    "certificate": {"type": "str", "default": ""},
    "key": {"type": "str", "default": "", "no_log": True},
    "key_password": {"type": "str", "default": "", "no_log": True},
}
NAMES = Names("certificate", "key", "key_password")


@dataclass(frozen=True)
class Where:
    """Where the authority is.

    Attributes:
        folder: Its folder; None if it is given.
        certificate: The text of its certificate.
        key: The text of its private key.
        password: What the key is encrypted with.
    """

    folder: AuthorityFolder | None
    certificate: bytes
    key: bytes
    password: str

    def given(self, now: datetime) -> Authority:
        """Return the authority that is given.

        Raises:
            AuthorityError: It cannot be one.
        """
        return read_authority(self.certificate, self.key, self.password, NAMES, now)


def find(options: Mapping[str, Any], base: str, read_file: Callable[[str], bytes]) -> Where:
    """Return where the authority is that a task names.

    Args:
        options: Of the task, see `OPTIONS`.
        base: The folder of the inventory; empty if it has none.
        read_file: Reads a file of the controller; decrypts one that Vault encrypted.

    Raises:
        AuthorityError: It names none, or one that cannot be read.
    """
    if refusal := missing_cryptography():
        raise AuthorityError([refusal])

    def content(name: str) -> bytes:
        if is_pem(options[name]):
            return str(options[name]).encode(errors="surrogateescape")
        try:
            return read_file(options[name])
        except OSError as error:
            raise AuthorityError(
                [
                    f"{name} is {options[name]} ({error.strerror or type(error).__name__}); "
                    "expected PEM text, or a file that can be read on the controller; correct it"
                ]
            ) from error

    password = str(options["key_password"])
    if options["certificate"] or options["key"]:
        lacking = [name for name in ("certificate", "key") if not options[name]]
        if lacking:
            raise AuthorityError(
                [f"{lacking[0]} of the authority is empty; expected both halves; set it"]
            )
        return Where(None, content("certificate"), content("key"), password)
    path = Path(options["folder"]).expanduser()
    if not options["folder"] or not (path.is_absolute() or base):
        raise AuthorityError(
            [
                f"the folder of the authority is {options['folder'] or 'empty'}; expected an "
                "absolute path, or one beside an inventory that is a file; set it"
            ]
        )
    return Where(AuthorityFolder(Path(base or "/") / path, password, read_file), b"", b"", password)
