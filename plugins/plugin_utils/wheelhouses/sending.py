"""What an action plugin sends to whoever builds: URLs with credentials apart, small archives."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    format_environment,
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.transports import uv_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import separate

#: Options whose URLs may carry credentials, uv's variable for the same, and how it separates them.
PRIVATE_PLACES = {
    "index": ("UV_INDEX", " "),
    "find_links": ("UV_FIND_LINKS", ","),
    "python_mirror": ("UV_PYTHON_INSTALL_MIRROR", ""),
}
#: Largest archive, in bytes, that is sent within the call: as text it is a third longer, and both
#: sides hold it in memory.
LARGEST_WITHIN_CALL = 4 * 1024 * 1024


def private_places(arguments: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Move URLs with credentials to uv's environment, which neither -vvv nor the journal shows.

    Returns:
        The arguments, and why they are refused, if they are.
    """
    settings = parse_environment(str(arguments.get("uv_environment") or ""))
    if problems := uv_problems(settings, arguments.get("python_mirror")):
        return arguments, "\n".join(one.message for one in problems)
    moved = dict(settings)
    kept = dict(arguments)
    for option, (variable, separator) in PRIVATE_PLACES.items():
        url = str(arguments.get(option) or "")
        if separate(url)[0] == url:
            continue
        kept.pop(option)
        others = [settings[variable]] if separator and settings.get(variable) else []
        moved[variable] = separator.join([url, *others])
    told = {"uv_environment": format_environment(moved)} if moved != settings else {}
    return kept | told, ""


def within_call(archive: Path) -> dict[str, str]:
    """Return the options by which a small archive travels within the call; none for a large one."""
    if archive.stat().st_size > LARGEST_WITHIN_CALL:
        return {}
    content = base64.b64encode(archive.read_bytes()).decode()
    return {"content": content, "archive_name": archive.name}
