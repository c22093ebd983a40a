"""The text of a module that runs as a program of its own, in a sandbox."""

from __future__ import annotations

from types import ModuleType

from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError


def text_of(module: ModuleType) -> str:
    """Return the text of a module, be it a file or within a module's archive.

    Raises:
        BuildError: It was not sent along.
    """
    loader = module.__spec__.loader if module.__spec__ else None
    text = loader.get_source(module.__name__) if loader else None  # type: ignore[attr-defined]
    if not text:
        raise BuildError(
            f"the program {module.__name__.rpartition('.')[2]} is missing from this module"
        )
    # The loader of ansible-core's collections gives bytes.
    return text.decode() if isinstance(text, bytes) else str(text)
