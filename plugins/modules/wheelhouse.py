#!/usr/bin/python
"""Make, on a builder, the wheels that hosts without a network install."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: wheelhouse
short_description: Make, on a builder, the wheels that hosts without a network install
version_added: "0.1.0"
description:
  - With O(state=built), makes the environment of a release as M(asgi.fleet.release) would, with the
    same checks and in the same sandbox, and a wheel of each distribution in it, the project itself
    included. Nothing of the release is left on the builder.
  - The wheels are fetched to the controller's cache as one tar, by the builder's answer with the
    digest of each. What the cache has is not built again.
  - With O(state=uv), fetches uv's own wheel, by its lock.
options:
  name:
    description: The application.
    type: str
    required: true
  id:
    description: Id of the release. Required to build.
    type: str
    default: ""
  state:
    description: Whether to report the builder's platform, to build, or to bring uv's wheel.
    type: str
    choices: [looked, built, uv]
    default: built
  cache:
    description: The controller's cache. Required except with O(state=looked).
    type: path
  platform:
    description: The platform of the hosts, as O(state=looked) reports it. Names the cache's files.
    type: str
    default: ""
  local_archive:
    description: The archive on the controller.
    type: path
  destination:
    description: Folder on the builder for what is made; set from O(cache).
    type: path
  uv:
    description: Path of uv.
    type: path
    required: true
  uv_version:
    description: Version of uv. Required with O(state=uv).
    type: str
    default: ""
  uv_requirements:
    description: Text of a lock with the hashes of uv's wheels. Required with O(state=uv).
    type: str
    default: ""
extends_documentation_fragment:
  - asgi.fleet.sandbox
  - asgi.fleet.installation
  - asgi.fleet.recipe
attributes:
  check_mode:
    description: Reports whether something would be built.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: What is in the controller's cache is not built again.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Build the wheels once
  asgi.fleet.wheelhouse:
    name: shop
    id: v1.4.2-9f86d081
    local_archive: ~/.cache/asgi-fleet/shop/v1.4.2-9f86d081.tar.gz
    cache: ~/.cache/asgi-fleet
    platform: x86_64, glibc 2.41, Python 3.13
    uv: /opt/uv/0.13.8/bin/uv
  delegate_to: builder
"""

RETURN = r"""
platform:
  description: What wheels must fit that this builder makes.
  returned: with state=looked
  type: str
  sample: x86_64, glibc 2.41, Python 3.13
missing:
  description: What must be installed before anything can be built, C(uv) or nothing.
  returned: with state=looked
  type: list
  elements: str
path:
  description: What is in the controller's cache now.
  returned: with state=built or state=uv, outside of check mode
  type: str
"""

import os
from dataclasses import replace

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    build_account,
)
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
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases import wheelhouse
from ansible_collections.asgi.fleet.plugins.module_utils.releases.exclusive import building
from ansible_collections.asgi.fleet.plugins.module_utils.releases.options import RECIPE, recipe_of
from ansible_collections.asgi.fleet.plugins.module_utils.releases.platforms import platform_of
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.releases.uv_program import (
    Program,
    bring_wheel,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            **RECIPE,
            "name": {"type": "str", "required": True},
            "id": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["looked", "built", "uv"], "default": "built"},
            # These three are the action plugin's.
            "cache": {"type": "path"},
            "platform": {"type": "str", "default": ""},
            "local_archive": {"type": "path"},
            "destination": {"type": "path"},
            "uv": {"type": "path", "required": True},
            "uv_version": {"type": "str", "default": ""},
            "uv_requirements": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    if options["state"] == "looked":
        # A builder needs no account and no folder of the application to be asked.
        module.exit_json(
            changed=False,
            platform=platform_of(options["python"], application.root),
            missing=[] if os.path.exists(options["uv"]) else ["uv"],
        )
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        step = _bring_uv if options["state"] == "uv" else _build
        module.exit_json(changed=True, **step(application, module))
    except (
        AccountError,
        BuildError,
        ControllerGone,
        ForeignError,
        OSError,
        UnsafeFolderError,
    ) as error:
        module.refuse(error)


def _build(application: Application, module: Module) -> dict[str, object]:
    options = module.params
    claim(application, parents=["opt"])
    builder = build_account(application.name)
    ensure_account(builder, application.name)
    folder = os.path.join(os.path.dirname(application.releases), "wheelhouses")
    recipe = replace(
        recipe_of(module),
        path=os.path.join(folder, options["id"]),
        uv=options["uv"],
        builder=builder,
    )
    release = os.path.join(application.releases, options["id"])
    with building(application):
        return wheelhouse.make(recipe, os.path.join(options["destination"], "wheels.tar"), release)


def _bring_uv(application: Application, module: Module) -> dict[str, object]:
    options = module.params
    program = Program(
        folder=os.path.dirname(os.path.dirname(options["uv"])),
        version=options["uv_version"],
        requirements=options["uv_requirements"],
        environment=parse_environment(options["uv_environment"]),
        prefix=options["prefix"],
        root=application.root,
    )
    return {"file": bring_wheel(program, options["destination"])}


if __name__ == "__main__":
    main()
