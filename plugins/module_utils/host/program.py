"""A program that runs on the host without the controller, made of the modules of this collection.

The modules that a program imports are packed as they are into one file that Python runs
(zipapp). So a timer does what a module does, by the same code.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from typing import Any

#: What is packed; everything else is the standard library's.
OURS = "ansible_collections.asgi.fleet.plugins.module_utils."
#: The time of each file in the archive (zip knows none before): the same modules, the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
MAIN = """import sys

from {module} import main

sys.exit(main(sys.argv[1:]))
"""


def bundle(module: str) -> bytes:
    """Return a program that calls `main(arguments)` of a module of this collection.

    Args:
        module: Its whole name; what it imports of `module_utils` is packed with it.
    """
    sources: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = _source(name)
            waiting += _imported(sources[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        files = {f"{name.replace('.', '/')}.py": text for name, text in sources.items()}
        files |= {f"{folder}/__init__.py": "" for folder in _folders(files)}
        files["__main__.py"] = MAIN.format(module=module)
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path, EPOCH), files[path])
    return buffer.getvalue()


def _folders(paths: dict[str, str]) -> set[str]:
    folders = set()
    for path in paths:
        parts = path.split("/")[:-1]
        folders |= {"/".join(parts[: count + 1]) for count in range(len(parts))}
    return folders


def _source(name: str) -> str:
    """Return a module's text, from a file or from the archive that Ansible has sent.

    Raises:
        ImportError: It has none.
    """
    spec = importlib.util.find_spec(name)
    # Ansible's own loader of collections, where there is one, has the source of packages alone.
    with (
        contextlib.suppress(OSError),
        open(spec.origin if spec and spec.origin else "", "rb") as file,
    ):
        return file.read().decode()
    loader: Any = spec.loader if spec else None
    text = loader.get_source(name) if hasattr(loader, "get_source") else None
    if text is None:
        raise ImportError(f"{name} has no source that can be packed")
    return str(text)


def _imported(source: str) -> Iterator[str]:
    """Yield the modules of this collection that a module imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(OURS):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                # `from package import module`, or `from module import name`.
                yield whole if _is_module(whole) else str(node.module)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
