"""Several files of a host at once: what differs, and how to show, write and restore them.

`plan` is pure; `look` reads for it. A `Kept` made before writing restores the previous files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file

MODE = 0o644
PROGRAM_MODE = 0o755
FOLDER_MODE = 0o755
#: What is added to the name of a file of someone's that is replaced.
COPY_SUFFIX = ".before_asgi_fleet"


@dataclass(frozen=True)
class Found:
    """What is at a path.

    Attributes:
        text: Its content.
        mode: Its mode; None if it is a link, or not a file of the current user.
    """

    text: str
    mode: int | None = MODE


@dataclass(frozen=True)
class Changes:
    """The difference between the existing and the wanted files.

    Attributes:
        write: New content by absolute path.
        remove: Absolute paths to remove.
        before: The previous content of each path; None where there was nothing.
        programs: Paths of `write` that can be run.
    """

    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    before: Mapping[str, str | None] = field(default_factory=dict)
    programs: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)

    def __or__(self, other: Changes) -> Changes:
        """Return both as one, of different paths."""
        return Changes(
            {**self.write, **other.write},
            (*self.remove, *other.remove),
            {**self.before, **other.before},
            self.programs | other.programs,
        )

    def diff(self) -> list[dict[str, str]]:
        """Return Ansible's diff, one entry a file, in the order of the paths."""
        return [
            {
                "before_header": path,
                "after_header": path if path in self.write else f"{path} (removed)",
                "before": self.before.get(path) or "",
                "after": self.write.get(path, ""),
            }
            for path in sorted([*self.write, *self.remove])
        ]

    def below(self, folder: str, other: str) -> Changes:
        """Return the same changes of a copy of `folder` at `other`."""

        def there(path: str) -> str:
            return os.path.join(other, os.path.relpath(path, folder))

        return Changes(
            {there(path): text for path, text in self.write.items()},
            tuple(map(there, self.remove)),
        )

    def carry_out(self) -> None:
        """Write and remove, each file by one rename: nobody reads a half-written file."""
        for path, text in self.write.items():
            os.makedirs(os.path.dirname(path), mode=FOLDER_MODE, exist_ok=True)
            write_file(path, text, PROGRAM_MODE if path in self.programs else MODE)
        for path in self.remove:
            _remove(path)


def look(paths: Iterable[str]) -> dict[str, Found | None]:
    """Read what is at the paths; None for nothing. A link is read as what it leads to."""
    return {path: _found(path) if os.path.lexists(path) else None for path in paths}


def _found(path: str) -> Found:
    status = os.lstat(path)
    own = (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())
    plain = own and stat.S_ISREG(status.st_mode)
    return Found(read_text(path), stat.S_IMODE(status.st_mode) if plain else None)


def plan(
    files: Mapping[str, str],
    absent: Iterable[str],
    found: Mapping[str, Found | None],
    programs: Iterable[str] = (),
) -> Changes:
    """Compare the wanted files with the existing ones.

    Args:
        files: Wanted content by path.
        absent: Paths that must not exist.
        found: From `look`, for all these paths.
        programs: Paths of `files` that can be run.
    """
    runnable = frozenset(programs)
    modes = {path: PROGRAM_MODE if path in runnable else MODE for path in files}
    write = {path: text for path, text in files.items() if found[path] != Found(text, modes[path])}
    remove = tuple(sorted(path for path in absent if found[path] is not None))
    before = {path: file.text if file else None for path, file in found.items()}
    return Changes(write, remove, {path: before[path] for path in [*write, *remove]}, runnable)


def copy_of(path: str) -> str:
    """Return where to keep what is at a path, beside what is kept of it already."""
    copy, number = f"{path}{COPY_SUFFIX}", 1
    while os.path.lexists(copy):
        number += 1
        copy = f"{path}{COPY_SUFFIX}.{number}"
    return copy


def with_copies(changes: Changes, paths: Iterable[str]) -> Changes:
    """Return the changes, and with them a copy of what is at those of the paths that change."""
    kept = {path: changes.before.get(path) for path in paths}
    copies = {copy_of(path): text for path, text in kept.items() if text is not None}
    return changes | Changes(write=copies, before=dict.fromkeys(copies)) if copies else changes


def refuse_relative(files: Iterable[str], absent: Iterable[str]) -> list[str]:
    """Return a refusal for each path that is not valid."""
    return [
        f"the path {path} is not absolute; expected one from / on; correct files or absent"
        for path in sorted({*files, *absent})
        if not path.startswith("/")
    ] + _in_both(files, absent)


def refuse_outside(
    files: Iterable[str],
    absent: Iterable[str],
    directory: str,
    *,
    place: str = "the configuration",
    options: str = "files or absent",
) -> list[str]:
    """Return a refusal for each path that is not below a folder.

    Args:
        files: Paths to write.
        absent: Paths to remove.
        directory: The folder, absolute.
        place: What the folder is, for the message.
        options: Where the path was given, for the message.
    """
    root = directory.rstrip("/") + "/"
    return [
        f"the path {path} is outside of {place}; expected a path below {root} without "
        f"'..'; correct {options}"
        for path in sorted({*files, *absent})
        if not path.startswith(root) or os.path.normpath(path) != path
    ] + _in_both(files, absent)


def _in_both(files: Iterable[str], absent: Iterable[str]) -> list[str]:
    return [
        f"the path {path} is both in files and in absent; expected one of them; remove the other"
        for path in sorted({*files} & {*absent})
    ]


@dataclass(frozen=True)
class Kept:
    """Previous files: text, mode and owner, or the target of a link; None for nothing."""

    links: Mapping[str, str]
    contents: Mapping[str, tuple[str, os.stat_result] | None]

    @classmethod
    def of(cls, paths: Iterable[str]) -> Kept:
        """Remember the files at `paths`."""
        links: dict[str, str] = {}
        contents: dict[str, tuple[str, os.stat_result] | None] = {}
        for path in paths:
            if os.path.islink(path):
                links[path] = os.readlink(path)
            elif os.path.exists(path):
                contents[path] = (read_text(path), os.stat(path))
            else:
                contents[path] = None
        return cls(links, contents)

    def put_back(self) -> None:
        """Restore every file."""
        for path, target in self.links.items():
            _remove(path)
            os.symlink(target, path)
        for path, kept in self.contents.items():
            if kept is None:
                _remove(path)
                continue
            text, status = kept
            write_file(path, text, stat.S_IMODE(status.st_mode))
            os.chown(path, status.st_uid, status.st_gid)


def _remove(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)
