#!/usr/bin/python
"""Build or prune the releases of an application on a host."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Build an immutable release of an application, or prune old ones
version_added: "0.1.0"
description:
  - With O(state=present), unpacks the source, creates the release's own virtual environment with
    uv, installs the dependencies byte-compiled, imports the application as the service's user, and
    writes the manifest last. A step that fails removes the folder again.
  - With O(state=pruned), removes old releases, but never the live, the previous or a pinned one,
    nor what either slot is set to.
options:
  name:
    description: The application.
    type: str
    required: true
  state:
    description:
      - Whether to build one release, to remove superfluous ones, or to keep one from being removed.
    type: str
    choices: [present, pruned, pinned, unpinned]
    default: present
  id:
    description: Id of the release; names its folder. Required but with O(state=pruned).
    type: str
  kind:
    description: What the archive is; V(package) has none.
    type: str
    choices: [tree, wheel, package]
    default: tree
  archive:
    description: The archive on this host. Unused when the release is there already.
    type: path
  package:
    description: The requirement to install, for O(kind=package).
    type: str
    default: ""
  index:
    description: Index to look at before the default one.
    type: str
    default: ""
  find_links:
    description: Folder or page with wheels.
    type: str
    default: ""
  dependencies:
    description: The source's file that names its dependencies; V(auto) takes the most exact one.
    type: str
    choices: [auto, uv.lock, pylock.toml, requirements.txt, pyproject.toml]
    default: auto
  module:
    description: The ASGI callable, C(package.module:attribute). Required with O(state=present).
    type: str
  user:
    description: Whom the application is imported as. Required with O(state=present).
    type: str
  python:
    description: Version of the interpreter; empty for the host's python3.
    type: str
    default: ""
  python_mirror:
    description: Mirror of uv's Python builds.
    type: str
    default: ""
  server_packages:
    description: Requirements to add unless the application brings its own version.
    type: list
    elements: str
    default: []
  environment:
    description: >-
      Environment of the import, made by the filter P(asgi.fleet.environment_file#filter).
    type: str
    default: ""
  secret_names:
    description: Names in O(environment) whose values are blanked where an import's error is shown.
    type: list
    elements: str
    default: []
  uv_environment:
    description: Further environment of uv, such as an index's credentials, made by the same filter.
    type: str
    default: ""
  uv:
    description: The uv to use. Required with O(state=present).
    type: path
  manifest:
    description: What else the manifest shall say.
    type: dict
    default: {}
  keep:
    description: How many releases stay besides the protected ones, with O(state=pruned).
    type: int
    default: 3
attributes:
  check_mode:
    description: Tells whether a release would be built, or which would be removed.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: A release that is complete is not built again.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Build the release
  asgi.fleet.release:
    name: shop
    id: v1.4.2-9f86d081
    archive: /var/cache/asgi-fleet/shop/v1.4.2-9f86d081.tar.gz
    module: main:app
    user: shop
    uv: /opt/uv/bin/uv

- name: Keep this one whatever comes
  asgi.fleet.release:
    name: shop
    id: v1.4.2-9f86d081
    state: pinned

- name: Keep five old releases
  asgi.fleet.release:
    name: shop
    state: pruned
    keep: 5
"""

RETURN = r"""
path:
  description: The release's folder.
  returned: with state=present
  type: str
  sample: /opt/shop/releases/v1.4.2-9f86d081
manifest:
  description: The release's manifest; empty in check mode when it would have to be built.
  returned: with state=present
  type: dict
removed:
  description: Ids of the releases that were (or would be) removed.
  returned: with state=pruned
  type: list
  elements: str
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import (
    BuildError,
    Recipe,
    build,
    building,
    read_manifest,
    write_manifest,
)
from ansible_collections.asgi.fleet.plugins.module_utils.rollout.phases import prune


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["present", "pruned", "pinned", "unpinned"],
                "default": "present",
            },
            "id": {"type": "str"},
            "kind": {"type": "str", "choices": ["tree", "wheel", "package"], "default": "tree"},
            "archive": {"type": "path"},
            "package": {"type": "str", "default": ""},
            "index": {"type": "str", "default": ""},
            "find_links": {"type": "str", "default": ""},
            "dependencies": {
                "type": "str",
                "choices": ["auto", "uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml"],
                "default": "auto",
            },
            "module": {"type": "str"},
            "user": {"type": "str"},
            "python": {"type": "str", "default": ""},
            "python_mirror": {"type": "str", "default": ""},
            "server_packages": {"type": "list", "elements": "str", "default": []},
            # Text, not mappings: Ansible blanks each value of a no_log mapping wherever it shows,
            # and a value such as "1" would blank half of the answer.
            "environment": {"type": "str", "default": "", "no_log": True},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "uv_environment": {"type": "str", "default": "", "no_log": True},
            "uv": {"type": "path"},
            "manifest": {"type": "dict", "default": {}},
            "keep": {"type": "int", "default": 3},
        },
        required_if=[
            ("state", "present", ("id", "module", "user", "uv")),
            ("state", "pinned", ("id",)),
            ("state", "unpinned", ("id",)),
        ],
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    try:
        step = STEPS[module.params["state"]]
        module.exit_json(**step(application, module.params, module.check_mode))
    except BuildError as error:
        module.fail_json(msg=str(error))


def present(application: Application, options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Build the release unless it is complete."""
    path = os.path.join(application.releases, options["id"])
    manifest = read_manifest(path)
    if manifest is None and not check_mode:
        given = {name: options[name] for name in Recipe.__dataclass_fields__ if name in options}
        given |= {
            "path": path,
            "archive": options["archive"] or "",
            "environment": parse_environment(options["environment"]),
            "uv_environment": parse_environment(options["uv_environment"]),
        }
        recipe = Recipe(**given)
        with building(application):
            # Whoever was waited for may just have built it.
            manifest = read_manifest(path) or build(recipe, options["manifest"])
        return {"changed": True, "path": path, "manifest": manifest}
    return {"changed": manifest is None, "path": path, "manifest": manifest or {}}


def pruned(application: Application, options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Remove superfluous releases."""
    removed = prune(application, options["keep"], check_mode=check_mode)
    return {"changed": bool(removed), "removed": removed}


def pinned(application: Application, options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Keep a release from being removed, or no longer."""
    path = os.path.join(application.releases, options["id"])
    manifest = read_manifest(path)
    if manifest is None:
        raise BuildError(
            f"release is {options['id']}; {application.name} has no such complete release on this "
            "host; ansible-playbook playbooks/releases.yml lists them"
        )
    wanted = options["state"] == "pinned"
    changed = bool(manifest.get("pinned")) != wanted
    if changed and not check_mode:
        write_manifest(path, {**manifest, "pinned": wanted})
    return {"changed": changed, "path": path, "manifest": {**manifest, "pinned": wanted}}


STEPS = {"present": present, "pruned": pruned, "pinned": pinned, "unpinned": pinned}


if __name__ == "__main__":
    main()
