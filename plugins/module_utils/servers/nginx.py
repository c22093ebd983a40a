"""Replaces files of an nginx configuration: nginx serves either all of the new ones, or the old.

`plan_changes` is pure; `apply_changes` is the transaction, written against the `Nginx` protocol so
that its order and its ways back are tested without an nginx. The module `nginx_config` gives it the
real one.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

MODE = 0o644
FOLDER_MODE = 0o755


class NginxConfigError(Exception):
    """A refusal, worded for the person who reads it."""


class Nginx(Protocol):
    """What the transaction asks of an nginx."""

    def test(self, changes: Changes) -> Verdict:
        """Run `nginx -t` over the whole configuration as it would be after `changes`."""

    def running(self) -> bool:
        """Say whether the service is active."""

    def start(self) -> None:
        """Start the service; raise `NginxConfigError` with nginx's own words if it does not."""

    def reload(self) -> None:
        """Reload and wait for new workers; raise `NginxConfigError` when the old ones remain."""


@dataclass(frozen=True)
class Verdict:
    """What `nginx -t` said."""

    ok: bool
    output: str

    @property
    def warnings(self) -> list[str]:
        """The lines marked `[warn]`, such as a server name that two sites claim."""
        return [line for line in self.output.splitlines() if "[warn]" in line]


@dataclass(frozen=True)
class Changes:
    """The difference between the files that are there and those that are wanted.

    Attributes:
        write: new content by absolute path.
        remove: absolute paths to remove.
        before: what each path of the two held; None where there was nothing.
    """

    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    before: Mapping[str, str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)

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


def check_paths(files: Iterable[str], absent: Iterable[str], directory: str) -> list[str]:
    """Return a refusal for each path that this transaction must not touch.

    Args:
        files: paths to write.
        absent: paths to remove.
        directory: the configuration's folder, absolute.
    """
    root = directory.rstrip("/") + "/"
    wanted, unwanted = set(files), set(absent)
    refusals = [
        f"the path {path} is outside of the configuration; expected a path below {root} without "
        "'..'; correct files or absent"
        for path in sorted(wanted | unwanted)
        if not path.startswith(root) or os.path.normpath(path) != path
    ]
    refusals += [
        f"the path {path} is both in files and in absent; expected one of them; remove the other"
        for path in sorted(wanted & unwanted)
    ]
    return refusals


def plan_changes(
    files: Mapping[str, str], absent: Iterable[str], current: Mapping[str, str | None]
) -> Changes:
    """Compare what is wanted with what is there.

    Args:
        files: wanted content by path.
        absent: paths that must not exist.
        current: content of each of these paths now; None where there is nothing.
    """
    write = {path: text for path, text in files.items() if current.get(path) != text}
    remove = tuple(sorted(path for path in absent if current.get(path) is not None))
    return Changes(write, remove, {path: current.get(path) for path in [*write, *remove]})


def read_current(paths: Iterable[str]) -> dict[str, str | None]:
    """Read files; None for what does not exist, an empty text for a link that leads nowhere."""
    found: dict[str, str | None] = {}
    for path in map(Path, paths):
        if path.exists():
            found[str(path)] = path.read_text(encoding="utf-8", errors="surrogateescape")
        else:
            found[str(path)] = "" if path.is_symlink() else None
    return found


def write_changes(changes: Changes) -> None:
    """Write and remove, each file by one rename: nginx never reads half a file."""
    for path, text in changes.write.items():
        replace_file(Path(path), text)
    for path in changes.remove:
        Path(path).unlink(missing_ok=True)


def replace_file(path: Path, text: str) -> None:
    """Replace a file by rename(2). Its temporary name starts with a dot: no `*` includes it."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), MODE)
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Kept:
    """The files of a change as they were: bytes, mode and owner, or where a link led."""

    links: Mapping[str, str]
    contents: Mapping[str, tuple[bytes, os.stat_result] | None]

    @classmethod
    def of(cls, paths: Iterable[str]) -> Kept:
        """Take note of the files at `paths`."""
        links, contents = {}, {}
        for path in map(Path, paths):
            if path.is_symlink():
                links[str(path)] = str(path.readlink())
            else:
                contents[str(path)] = (path.read_bytes(), path.stat()) if path.exists() else None
        return cls(links, contents)

    def put_back(self) -> None:
        """Bring every file back to what it was."""
        for name, target in self.links.items():
            Path(name).unlink(missing_ok=True)
            Path(name).symlink_to(target)
        for name, kept in self.contents.items():
            path = Path(name)
            if kept is None:
                path.unlink(missing_ok=True)
                continue
            content, status = kept
            replace_file(path, content.decode("utf-8", errors="surrogateescape"))
            path.chmod(status.st_mode & 0o7777)
            os.chown(path, status.st_uid, status.st_gid)


@dataclass(frozen=True)
class Outcome:
    """What the transaction did.

    Attributes:
        action: `none`, `reloaded` or `started`.
        tested: whether `nginx -t` ran.
        warnings: what it warned of.
    """

    action: str
    tested: bool
    warnings: list[str] = field(default_factory=list)


def apply_changes(changes: Changes, nginx: Nginx, pending: Path, *, always: bool) -> Outcome:
    """Test, replace, reload, verify; put the files back when nginx does not take them.

    Args:
        changes: from `plan_changes`.
        nginx: the nginx of this host.
        pending: marks files that no nginx has taken yet. It outlives a run that is torn apart
            between the two, so that the next run reloads although it finds the files as wanted.
        always: reload although nothing changed.

    Raises:
        NginxConfigError: nginx refused; the files are as they were before.
    """
    action = choose_action(
        running=nginx.running(), wanted=bool(changes) or always or pending.exists()
    )
    if action == "none":
        return Outcome(action, tested=False)
    warnings = require_valid(changes, nginx)
    kept = Kept.of(changes.before)
    pending.touch()
    try:
        write_changes(changes)
        if action == "reloaded":
            nginx.reload()
        else:
            nginx.start()
    except (NginxConfigError, OSError) as error:
        kept.put_back()
        pending.unlink(missing_ok=True)
        raise NginxConfigError(f"{error}; the previous files are back") from error
    pending.unlink(missing_ok=True)
    return Outcome(action, tested=True, warnings=warnings)


def choose_action(*, running: bool, wanted: bool) -> str:
    """Say what nginx needs: `started` if it does not run, else `reloaded` if wanted, or `none`."""
    if not running:
        return "started"
    return "reloaded" if wanted else "none"


def require_valid(changes: Changes, nginx: Nginx) -> list[str]:
    """Have nginx test the configuration; return its warnings.

    Raises:
        NginxConfigError: the test failed; nothing was touched.
    """
    result = nginx.test(changes)
    if not result.ok:
        raise NginxConfigError(explain_refusal("the new configuration", result.output))
    return result.warnings


def explain_refusal(
    subject: str, output: str, effect: str = "nginx serves what it served before"
) -> str:
    """Say in nginx's own words why it refuses.

    Args:
        subject: what nginx was given.
        output: of `nginx -t`, or lines of the error log.
        effect: what that means for those who are served.
    """
    reasons = [strip_prefix(line) for line in output.splitlines() if is_refusal(line)]
    seen = " / ".join(dict.fromkeys(reasons)) or output.strip()[-500:] or "nothing was logged"
    return f"nginx refuses {subject}: {seen}; {effect}"


def is_refusal(line: str) -> bool:
    """Tell whether nginx gives up because of what this line says."""
    return any(level in line for level in ("[emerg]", "[alert]", "[crit]"))


def is_final(line: str) -> bool:
    """Tell whether a running nginx has given up: for 2.5 s it tries again to bind a taken port."""
    return is_refusal(line) and "failed (98:" not in line


def strip_prefix(line: str) -> str:
    """Drop the time, the level and the process of a line of nginx's log."""
    return re.sub(r"^.*?\[(?:emerg|alert|crit)\]\s*(?:\d+#\d+:\s*)?(?:\*\d+\s*)?", "", line).strip()
