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
  look:
    description:
      - Only report whether the release is complete, what is missing to build it, and which wheels
        the host needs.
    type: bool
    default: false
  wheelhouse_cache:
    description:
      - The controller's cache, in which M(asgi.fleet.wheelhouse) has left the wheels for
        O(platform). Nothing else is installed then. Empty to install from an index.
    type: path
  platform:
    description: The host's platform, as RV(platform) said with O(look=true).
    type: str
    default: ""
  wheelhouses:
    description: What the host has, as RV(wheelhouses) said; it is not sent again.
    type: list
    elements: str
    default: []
  builders:
    description: Hosts that may build the wheels, returned with O(look=true) for those who choose.
    type: list
    elements: str
    default: []
  wheelhouse:
    description: The wheels to install; set from O(wheelhouse_cache).
    type: dict
    suboptions:
      platform:
        description: What they fit.
        type: str
        required: true
      archive:
        description: Path of their tar on the host; empty if a release of the host has them all.
        type: path
        default: ""
      sha256:
        description: Digest of the tar.
        type: str
        required: true
      wheels:
        description: Names of files, and the SHA-256 of each.
        type: dict
        required: true
      built_on:
        description: The builder.
        type: str
        default: ""
      hashes:
        description: What of it was installed with hashes on the builder.
        type: str
        default: ""
      notes:
        description: What differs from the server packages as they are set.
        type: list
        elements: str
        default: []
  module:
    description: The ASGI callable, C(package.module:attribute). Required with O(state=present).
    type: str
  user:
    description: The account that imports the application, made if there is none. Required to build.
    type: str
  environment:
    description: Environment of the import, by the filter P(asgi.fleet.environment_file#filter).
    type: str
    default: ""
  secret_names:
    description: Names in O(environment) whose values are hidden when an import error is shown.
    type: list
    elements: str
    default: []
  uv:
    description: Path of uv. Required with O(state=present).
    type: path
  manifest:
    description: Further entries for the manifest.
    type: dict
    default: {}
  import_timeout:
    description: Seconds that importing the application may take.
    type: float
    default: 120
  keep:
    description: With O(state=pruned), how many releases to keep besides the protected ones.
    type: int
    default: 3
extends_documentation_fragment:
  - asgi.fleet.sandbox
  - asgi.fleet.installation
  - asgi.fleet.recipe
  - asgi.fleet.refusal
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
platform:
  description: What wheels must fit on this host.
  returned: with look=true
  type: str
  sample: x86_64, glibc 2.41, Python 3.13
interpreter:
  description: Whether the host has the wanted interpreter.
  returned: with look=true
  type: bool
wheelhouses:
  description: Digests of the wheels that releases of this host have installed.
  returned: with look=true
  type: list
  elements: str
removed:
  description: Ids of the releases that were (or would be) removed.
  returned: with state=pruned
  type: list
  elements: str
"""

import os
from dataclasses import replace
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
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import REFUSAL, Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import (
    AccountError,
    ensure_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases import wheels
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import build
from ansible_collections.asgi.fleet.plugins.module_utils.releases.exclusive import building
from ansible_collections.asgi.fleet.plugins.module_utils.releases.manifest import (
    read_manifest,
    write_manifest,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.options import RECIPE, recipe_of
from ansible_collections.asgi.fleet.plugins.module_utils.releases.platforms import (
    has_interpreter,
    platform_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.pruning import prune
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import manifests
from ansible_collections.asgi.fleet.plugins.module_utils.releases.wheels import Wheelhouse


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            **RECIPE,
            **REFUSAL,
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["present", "pruned", "pinned", "unpinned"],
                "default": "present",
            },
            "id": {"type": "str"},
            # All these are the action plugin's, which does not pass them on.
            "local_archive": {"type": "path"},
            "present": {"type": "list", "elements": "dict", "default": []},
            "wheelhouse_cache": {"type": "path"},
            "platform": {"type": "str", "default": ""},
            "wheelhouses": {"type": "list", "elements": "str", "default": []},
            "builders": {"type": "list", "elements": "str", "default": []},
            "wheelhouse": wheels.OPTION,
            "look": {"type": "bool", "default": False},
            "module": {"type": "str"},
            "user": {"type": "str"},
            # Text, not mappings: Ansible blanks each value of a no_log mapping wherever it shows,
            # and a value such as "1" would blank half of the answer.
            "environment": {"type": "str", "default": "", "no_log": True},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "uv": {"type": "path"},
            "manifest": {"type": "dict", "default": {}},
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
    if options["look"]:
        wanted = options["python"]
        platform = platform_of(wanted, application.root)
        answer |= {
            "platform": platform,
            "interpreter": has_interpreter(wanted, application.root),
            "wheelhouses": wheels.known(manifests(application).values(), platform),
        }
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
    told = options["wheelhouse"]
    recipe = replace(
        recipe_of(module),
        path=path,
        module=options["module"],
        user=options["user"],
        builder=builder,
        uv=options["uv"],
        environment=parse_environment(options["environment"]),
        secret_names=options["secret_names"],
        import_timeout=options["import_timeout"],
        wheelhouse=Wheelhouse(**told) if told else None,
    )
    with building(application):
        # The build that this one waited for may have built it.
        manifest = read_manifest(path) or build(recipe, options["manifest"], manifests(application))
    return answer | {"changed": True, "manifest": manifest}


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
