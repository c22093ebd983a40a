"""The options of a module that builds, as argument_spec, and the recipe that they make."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol import installation
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import OPTION, of_option
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

#: They are documented in the fragments `recipe`, `installation` and `sandbox`.
RECIPE: dict[str, Any] = {
    "kind": {"type": "str", "choices": ["tree", "wheel", "package"], "default": "tree"},
    "archive": {"type": "path"},
    "archive_name": {"type": "str", "default": ""},
    # Not a secret, but nobody wants an archive in the host's journal.
    "content": {"type": "str", "no_log": True},
    "package": {"type": "str", "default": ""},
    "index": {"type": "str", "default": ""},
    "find_links": {"type": "str", "default": ""},
    "installation": installation.OPTION,
    "project": {"type": "str", "default": ""},
    "python": {"type": "str", "default": ""},
    "python_mirror": {"type": "str", "default": ""},
    "server_packages": {"type": "list", "elements": "str", "default": []},
    # Not secrets, but nobody wants thousands of hashes in the host's journal.
    "server_lock": {"type": "str", "default": "", "no_log": True},
    "build_lock": {"type": "str", "default": "", "no_log": True},
    "require_hashes": {"type": "bool", "default": False},
    "uv_environment": {"type": "str", "default": "", "no_log": True},
    "prefix": {"type": "str", "default": "python_release_"},
    "sandbox": OPTION,
    "memory_max": {"type": "str", "default": "50%"},
    "timeout": {"type": "float", "default": 1800},
}


def recipe_of(module: AnsibleModule) -> Recipe:
    """Return what the options of a call say; where it is built, as whom and by what is missing."""
    options = module.params
    given = {name: options[name] for name in Recipe.__dataclass_fields__ if name in RECIPE}
    return Recipe(
        **{
            **given,
            "path": "",
            "uv": "",
            "module": "",
            "user": "",
            "builder": "",
            "archive": _archive(module),
            "uv_environment": parse_environment(options["uv_environment"]),
            "installation": installation.of_option(options["installation"]),
            "sandbox": of_option(options["sandbox"]),
        }
    )


def _archive(module: AnsibleModule) -> str:
    """Return the path of the archive; one that came with the call is written to a file first."""
    options = module.params
    if options["content"] is None:
        return str(options["archive"] or "")
    # A wheel is known by its name.
    path: str = os.path.join(module.tmpdir, os.path.basename(options["archive_name"]))
    with open(path, "wb") as file:
        file.write(base64.b64decode(options["content"]))
    return path
