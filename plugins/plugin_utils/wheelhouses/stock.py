"""The wheelhouses in the controller's cache: one for each release and platform, and uv's wheels."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import Any

#: How many wheelhouses of an application are kept for each platform: some have 100 MB and more.
KEPT = 3
BLOCK = 1 << 20


@dataclass(frozen=True)
class Stock:
    """What the controller has for one platform.

    Attributes:
        cache: python_release_controller_cache.
        platform: As a host says it, such as `x86_64, glibc 2.41, Python 3.13`.
    """

    cache: str
    platform: str

    @property
    def _slug(self) -> str:
        return re.sub(r"[^A-Za-z0-9.]+", "-", self.platform)

    @property
    def root(self) -> str:
        """The folder of all wheelhouses; wheels may be private code."""
        return os.path.join(os.path.expanduser(self.cache), "wheelhouses")

    def archive(self, name: str, release: str) -> str:
        """Return the path of the tar of a release."""
        return os.path.join(self.root, name, self._slug, f"{release}.tar")

    def told(self, name: str, release: str) -> dict[str, Any] | None:
        """Return what the builder said of a release's wheels; None if they are not here."""
        archive = self.archive(name, release)
        try:
            with open(f"{archive}.json", encoding="utf-8") as file:
                told: dict[str, Any] = json.load(file)
        except (OSError, ValueError):
            return None
        return told if os.path.isfile(archive) else None

    def keep(self, name: str, release: str, fetched: str, told: dict[str, Any]) -> str:
        """Take a tar that was fetched into the stock, and return its path.

        Raises:
            ValueError: It is not what the builder has sent.
        """
        found = sha256_of(fetched)
        if found != told["sha256"]:
            raise ValueError(
                f"the wheelhouse from {told['built_on']} has the SHA-256 {found}; expected "
                f"{told['sha256']}, as the builder said; it was damaged on its way: run again"
            )
        archive = self.archive(name, release)
        os.replace(fetched, archive)
        with open(f"{archive}.json.new", "w", encoding="utf-8") as file:
            json.dump(told, file)
        # Last: an archive without it does not count.
        os.replace(f"{archive}.json.new", f"{archive}.json")
        self._prune(os.path.dirname(archive))
        return archive

    def uv_wheel(self, version: str) -> str:
        """Return the path of uv's wheel for this platform, or where it goes."""
        folder = os.path.join(self.root, "uv", self._slug)
        found = sorted(glob.glob(os.path.join(glob.escape(folder), f"uv-{version}-*.whl")))
        return found[0] if found else folder

    def _prune(self, folder: str) -> None:
        archives = glob.glob(os.path.join(glob.escape(folder), "*.tar"))
        for old in sorted(archives, key=os.path.getmtime, reverse=True)[KEPT:]:
            for path in (f"{old}.json", old):
                with contextlib.suppress(OSError):
                    os.unlink(path)


def sha256_of(path: str) -> str:
    """Return the digest of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
