"""What a wheelhouse is, as builder, controller and hosts tell each other of it. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import normal

#: How the manifest of a release names an environment that came from a wheelhouse.
KEY = "wheelhouse "
_FILE = re.compile(
    r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._+!]+)(?:-[A-Za-z0-9._]+){3}\.whl"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Wheelhouse:
    """All that a release installs, as wheels that one builder made for one platform.

    Attributes:
        platform: What it fits, as `platform_of` says it.
        archive: Path of its tar on this host; empty if a release of the host has all of it.
        sha256: Digest of that file.
        wheels: The digest of each wheel by the name of its file.
        built_on: The builder, for people.
        hashes: What of it had hashes, as a manifest says it.
        notes: What differs from the server packages as they are set, and why.
    """

    platform: str = ""
    archive: str = ""
    sha256: str = ""
    wheels: Mapping[str, str] = field(default_factory=dict)
    built_on: str = ""
    hashes: str = ""
    notes: Sequence[str] = ()

    @property
    def key(self) -> str:
        """The environment that it makes: the same for the same wheels and interpreter."""
        return f"{KEY}{digest_of(self.wheels)} {self.platform}"

    @property
    def told(self) -> str:
        """What a manifest says of it."""
        return f"wheelhouse {self.sha256[:12]}, built on {self.built_on}"


#: The option `wheelhouse` of modules.
OPTION: dict[str, Any] = {
    "type": "dict",
    "options": {
        "platform": {"type": "str", "required": True},
        "archive": {"type": "path", "default": ""},
        "sha256": {"type": "str", "required": True},
        "wheels": {"type": "dict", "required": True},
        "built_on": {"type": "str", "default": ""},
        "hashes": {"type": "str", "default": ""},
        "notes": {"type": "list", "elements": "str", "default": []},
    },
}


def digest_of(wheels: Mapping[str, str]) -> str:
    """Return the digest of what is installed from these wheels."""
    return hashlib.sha256(json.dumps(sorted(wheels.items())).encode()).hexdigest()


def requirements_of(wheels: Mapping[str, str]) -> str:
    """Return a requirements file that has these wheels and no others.

    Raises:
        ValueError: A name is none of a wheel, or a digest none of SHA-256.
    """
    lines = []
    for file, digest in sorted(wheels.items()):
        found = _FILE.fullmatch(file)
        if found is None or not _SHA256.fullmatch(digest):
            raise ValueError(f"the wheelhouse has {file!r}, which is not a wheel")
        # A wheel's name has "_" for a "-" of the version.
        version = found["version"].replace("_", "-")
        lines.append(f"{normal(found['name'])}=={version} --hash=sha256:{digest}\n")
    return "".join(lines)


def known(manifests: Iterable[Mapping[str, Any]], platform: str) -> list[str]:
    """Return the digests of what the releases of a host have installed, for its platform."""
    told = (str(one.get("environment") or "") for one in manifests)
    keys = (key[len(KEY) :].partition(" ") for key in told if key.startswith(KEY))
    return sorted({digest for digest, _space, of in keys if of == platform})
