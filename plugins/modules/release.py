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
  - The build runs as an account of its own, named after the application with C(-build), and like
    the import in a sandbox of systemd. Root takes over what it has left, and runs none of it.
  - With O(state=pruned), removes old releases, but never the live, the previous or a pinned one,
    nor one that a slot points to.
options:
  name:
    description: The application.
    type: str
    required: true
  state:
    description: Whether to build a release, to remove old ones, or to keep one.
    type: str
    choices: [present, pruned, pinned, unpinned]
    default: present
  id:
    description: Id of the release, and name of its folder. Required except with O(state=pruned).
    type: str
  kind:
    description: Kind of the archive; V(package) has none.
    type: str
    choices: [tree, wheel, package]
    default: tree
  archive:
    description: The archive on this host. Not used if the release is already there.
    type: path
  local_archive:
    description: The archive on the controller; a large one is sent if the host needs it.
    type: path
  present:
    description:
      - Releases on the host, as M(asgi.fleet.rollout) returns them. If O(id) is among them, the
        host is not asked again.
    type: list
    elements: dict
    default: []
  content:
    description: The archive in base64; set from O(local_archive).
    type: str
  archive_name:
    description: File name of the archive; set from O(local_archive).
    type: str
    default: ""
  look:
    description: Only report whether the release is complete, and what is missing to build it.
    type: bool
    default: false
  package:
    description: The requirement to install, for O(kind=package).
    type: str
    default: ""
  index:
    description: Package index to use before the default one.
    type: str
    default: ""
  find_links:
    description: Folder or page with wheels.
    type: str
    default: ""
  module:
    description: The ASGI callable, C(package.module:attribute). Required with O(state=present).
    type: str
  user:
    description: The account that imports the application, made if there is none. Required to build.
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
  server_lock:
    description:
      - Text of a lock with hashes that has O(server_packages) and what they need. What of them the
        application does not bring is installed from it alone. Empty for none, which resolves them.
    type: str
    default: ""
  build_lock:
    description:
      - Text of a lock with hashes of what builds packages from their source. With an application's
        lock that has hashes, nothing else takes part in a build, unless its C(pyproject.toml) has
        C(build-constraint-dependencies) of its own.
    type: str
    default: ""
  require_hashes:
    description: Refuse an application without a lock that has hashes.
    type: bool
    default: false
  environment:
    description: Environment of the import, by the filter P(asgi.fleet.environment_file#filter).
    type: str
    default: ""
  secret_names:
    description: Names in O(environment) whose values are hidden when an import error is shown.
    type: list
    elements: str
    default: []
  uv_environment:
    description: Further environment of uv, such as credentials of an index, by the same filter.
    type: str
    default: ""
  uv:
    description: Path of uv. Required with O(state=present).
    type: path
  prefix:
    description: Prefix of the variables that messages name.
    type: str
    default: python_release_
  manifest:
    description: Further entries for the manifest.
    type: dict
    default: {}
  memory_max:
    description: C(MemoryMax=) of the build and the import, as in systemd.resource-control(5).
    type: str
    default: 50%
  timeout:
    description: Seconds that a step of the build may take.
    type: float
    default: 1800
  import_timeout:
    description: Seconds that importing the application may take.
    type: float
    default: 120
  keep:
    description: With O(state=pruned), how many releases to keep besides the protected ones.
    type: int
    default: 3
extends_documentation_fragment: [asgi.fleet.sandbox, asgi.fleet.installation]
attributes:
  check_mode:
    description: Reports whether a release would be built, or which ones would be removed.
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

- name: Keep this release from being removed
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
module:
  description: The ASGI callable of the release.
  returned: with state=present
  type: str
  sample: shop.main:create_app()
missing:
  description: What must be installed before the release can be built, C(uv) or nothing.
  returned: with state=present
  type: list
  elements: str
removed:
  description: Ids of the releases that were (or would be) removed.
  returned: with state=pruned
  type: list
  elements: str
"""

import base64
import os
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    build_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import PlaceError
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    ForeignError,
    claim,
)
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import (
    AccountError,
    ensure_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol import installation
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import OPTION, of_option
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import (
    build,
    building,
    read_manifest,
    write_manifest,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import manifests
from ansible_collections.asgi.fleet.plugins.module_utils.rollout.phases import prune


def main() -> None:
    """Run the module."""
    module = Module(
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
            "archive_name": {"type": "str", "default": ""},
            # Both are the action plugin's, which does not pass them on.
            "local_archive": {"type": "path"},
            "present": {"type": "list", "elements": "dict", "default": []},
            # Not a secret, but nobody wants an archive in the host's journal.
            "content": {"type": "str", "no_log": True},
            "look": {"type": "bool", "default": False},
            "package": {"type": "str", "default": ""},
            "index": {"type": "str", "default": ""},
            "find_links": {"type": "str", "default": ""},
            "installation": installation.OPTION,
            "project": {"type": "str", "default": ""},
            "module": {"type": "str"},
            "user": {"type": "str"},
            "python": {"type": "str", "default": ""},
            "python_mirror": {"type": "str", "default": ""},
            "server_packages": {"type": "list", "elements": "str", "default": []},
            # Not secrets, but nobody wants thousands of hashes in the host's journal.
            "server_lock": {"type": "str", "default": "", "no_log": True},
            "build_lock": {"type": "str", "default": "", "no_log": True},
            "require_hashes": {"type": "bool", "default": False},
            # Text, not mappings: Ansible blanks each value of a no_log mapping wherever it shows,
            # and a value such as "1" would blank half of the answer.
            "environment": {"type": "str", "default": "", "no_log": True},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "uv_environment": {"type": "str", "default": "", "no_log": True},
            "uv": {"type": "path"},
            "prefix": {"type": "str", "default": "python_release_"},
            "manifest": {"type": "dict", "default": {}},
            "sandbox": OPTION,
            "memory_max": {"type": "str", "default": "50%"},
            "timeout": {"type": "float", "default": 1800},
            "import_timeout": {"type": "float", "default": 120},
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
        module.exit_json(**step(application, module))
    except (
        AccountError,
        BuildError,
        ControllerGone,
        ForeignError,
        OSError,
        PlaceError,
        UnsafeFolderError,
    ) as error:
        module.refuse(error)


def present(application: Application, module: Module) -> dict[str, Any]:
    """Build the release unless it is complete."""
    options = module.params
    path = os.path.join(application.releases, options["id"])
    manifest = read_manifest(path)
    answer: dict[str, Any] = {"path": path, "missing": [], "module": options["module"]}
    if manifest is not None:
        return answer | {"changed": False, "manifest": manifest}
    if module.check_mode:
        return answer | {"changed": True, "manifest": {}}
    if not os.path.exists(options["uv"]):
        return answer | {"changed": False, "manifest": {}, "missing": ["uv"]}
    if options["look"]:
        return answer | {"changed": False, "manifest": {}}
    # The import has the state and cache of the service, which systemd would make without a mark.
    claim(application, options["user"], parents=["opt", "var/lib", "var/cache"])
    borrowed = options["user"] != application.name
    ensure_account(options["user"], application.name, borrowed=borrowed)
    builder = build_account(application.name)
    ensure_account(builder, application.name)
    given = {name: options[name] for name in Recipe.__dataclass_fields__ if name in options}
    given |= {
        "path": path,
        "archive": _archive(module),
        "environment": parse_environment(options["environment"]),
        "uv_environment": parse_environment(options["uv_environment"]),
        "builder": builder,
        "installation": installation.of_option(options["installation"]),
        "sandbox": of_option(options["sandbox"]),
    }
    with building(application):
        # The build that this one waited for may have built it.
        manifest = read_manifest(path) or build(
            Recipe(**given), options["manifest"], manifests(application)
        )
    return answer | {"changed": True, "manifest": manifest}


def _archive(module: Module) -> str:
    """Return the path of the archive; one that came with the call is written to a file first."""
    options = module.params
    if options["content"] is None:
        return str(options["archive"] or "")
    # A wheel is known by its name.
    path: str = os.path.join(module.tmpdir, os.path.basename(options["archive_name"]))
    with open(path, "wb") as file:
        file.write(base64.b64decode(options["content"]))
    return path


def pruned(application: Application, module: Module) -> dict[str, Any]:
    """Remove superfluous releases."""
    removed = prune(application, module.params["keep"], check_mode=module.check_mode)
    return {"changed": bool(removed), "removed": removed}


def pinned(application: Application, module: Module) -> dict[str, Any]:
    """Keep a release from being removed, or no longer."""
    options = module.params
    path = os.path.join(application.releases, options["id"])
    manifest = read_manifest(path)
    if manifest is None:
        raise BuildError(
            f"release is {options['id']}; {application.name} has no such complete release on this "
            "host; ansible-playbook playbooks/releases.yml lists them"
        )
    wanted = options["state"] == "pinned"
    changed = bool(manifest.get("pinned")) != wanted
    if changed and not module.check_mode:
        write_manifest(path, {**manifest, "pinned": wanted})
    return {"changed": changed, "path": path, "manifest": {**manifest, "pinned": wanted}}


STEPS = {"present": present, "pruned": pruned, "pinned": pinned, "unpinned": pinned}


if __name__ == "__main__":
    main()
