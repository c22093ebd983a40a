"""Makes wheels of what is installed in a virtual environment: a program for a builder's sandbox.

    python3 -I repack.py <venv> <folder of wheels> <where the release was built> <where it will be>

uv keeps no wheels of what it has installed, and has no command that makes any. But each
installation has the list of its files (RECORD), and all that a wheel has more is its name. So
whatever checks there are (hashes of a lock, of builds) have been made by the one tool that
installs, and are not repeated by a second one, which knows other checks.

The same installation gives the same bytes: no time, a fixed order. Scripts of entry points are left
away, since an installer makes them; other scripts are already of the kind that can be moved
(`uv venv --relocatable`).
"""

from __future__ import annotations

import base64
import csv
import glob
import hashlib
import io
import json
import os
import re
import sys
import zipfile

#: What an installer writes about itself.
OF_INSTALLERS = (
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
    "uv_build.json",
)
#: Bytes that are read at once.
BLOCK = 1 << 20
FIRST_DATE = (1980, 1, 1, 0, 0, 0)


def repack(venv: str, wheels: str, built: str, final: str) -> list[str]:
    """Write a wheel for each distribution, and return the names of their files.

    Args:
        venv: The virtual environment.
        wheels: An empty folder.
        built: The folder in which the release was built.
        final: The folder in which it will be: an editable installation names it.

    Raises:
        ValueError: Something is installed of which no wheel can be made.
    """
    found = []
    for site in sorted(
        glob.glob(os.path.join(glob.escape(venv), "lib", "python*", "site-packages"))
    ):
        for name in sorted(os.listdir(site)):
            if name.endswith(".dist-info"):
                found.append(_wheel(venv, site, name, wheels, (built.encode(), final.encode())))
            elif name.endswith((".egg-info", ".egg-link")):
                raise ValueError(
                    f"{name} is an installation of the old kind, without a list of its files"
                )
    return found


def _wheel(venv: str, site: str, info: str, wheels: str, moved: tuple[bytes, bytes]) -> str:
    label = info[: -len(".dist-info")]
    scripts = _entry_points(os.path.join(site, info, "entry_points.txt"))
    editable = _is_editable(os.path.join(site, info, "direct_url.json"))
    try:
        with open(os.path.join(site, info, "RECORD"), encoding="utf-8", newline="") as file:
            listed = sorted({row[0] for row in csv.reader(file) if row})
    except OSError as error:
        raise ValueError(f"{info} has no list of its files (RECORD)") from error
    places = {}
    for name in listed:
        path = os.path.normpath(os.path.join(site, name))
        place = _place(path, venv, site, info, label, scripts)
        if place and os.path.isfile(path):
            places[place] = path
    target = f"{label}-{_tags(os.path.join(site, info, 'WHEEL'))}.whl"
    record = []
    with zipfile.ZipFile(os.path.join(wheels, target), "w", zipfile.ZIP_DEFLATED) as archive:
        for place, path in sorted(places.items()):
            record.append((place, *_add(archive, place, path, moved if editable else None)))
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([*record, (f"{info}/RECORD", "", "")])
        archive.writestr(_entry(f"{info}/RECORD", 0o644), text.getvalue())
    return target


def _place(path: str, venv: str, site: str, info: str, label: str, scripts: set[str]) -> str:
    """Return where a file is in its wheel; empty if it is not part of it."""
    name = os.path.basename(path)
    if path.endswith(".pyc") or (
        os.path.dirname(path) == os.path.join(site, info) and name in OF_INSTALLERS
    ):
        return ""
    inside = os.path.relpath(path, site)
    if not inside.startswith(".."):
        return inside
    data = os.path.relpath(path, venv)
    if data.startswith(".."):
        raise ValueError(f"{info} has a file outside of its virtual environment: {path}")
    first, _slash, rest = data.partition("/")
    if first == "bin":
        return "" if rest in scripts else f"{label}.data/scripts/{rest}"
    headers = re.match(r"include/site/python[^/]+/[^/]+/(.+)", data)
    return f"{label}.data/headers/{headers[1]}" if headers else f"{label}.data/data/{data}"


def _entry_points(path: str) -> set[str]:
    """Return the names of the scripts that an installer makes."""
    found: set[str] = set()
    section = ""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return found
    for line in lines:
        if line.startswith("["):
            section = line.strip("[] ")
        elif section in ("console_scripts", "gui_scripts") and "=" in line:
            found.add(line.partition("=")[0].strip())
    return found


def _is_editable(path: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            return bool(json.load(file).get("dir_info", {}).get("editable"))
    except (OSError, ValueError):
        return False


def _tags(path: str) -> str:
    """Return the compatibility tags of a wheel's name (PEP 425) from what its file WHEEL says."""
    with open(path, encoding="utf-8") as file:
        lines = [line.partition(":")[2].strip() for line in file if line.startswith("Tag:")]
    parts = [line.split("-") for line in lines if line.count("-") == 2]
    if not parts:
        raise ValueError(f"{path} has no tag")
    return "-".join(".".join(dict.fromkeys(one[index] for one in parts)) for index in range(3))


def _entry(place: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(place, FIRST_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100000 | mode) << 16
    return entry


def _add(
    archive: zipfile.ZipFile, place: str, path: str, moved: tuple[bytes, bytes] | None
) -> tuple[str, str]:
    """Add a file; return its hash as RECORD has it, and its size."""
    mode = 0o755 if os.stat(path).st_mode & 0o100 else 0o644
    digest, size = hashlib.sha256(), 0
    with (
        open(path, "rb") as file,
        archive.open(_entry(place, mode), "w", force_zip64=True) as target,
    ):
        # An editable installation is a few lines that name the folder of its source.
        blocks = [file.read().replace(*moved)] if moved else iter(lambda: file.read(BLOCK), b"")
        for block in blocks:
            digest.update(block)
            size += len(block)
            target.write(block)
    told = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    return f"sha256={told}", str(size)


def main(arguments: list[str]) -> int:
    """Run the program."""
    try:
        os.mkdir(arguments[1])
        repack(*arguments)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"no wheel can be made: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
