#!/usr/bin/python
"""Module `asgi.fleet.uv`; the work is in `module_utils/releases/uv_program.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: uv
short_description: Install one version of uv, exactly as a lock names it
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Takes the program C(uv) out of its wheel, whose hash must be in O(requirements), and puts it
    into C(bin) below O(folder) in one step. A run that is interrupted leaves the host as it was.
  - The wheel is O(wheel), or what pip downloads. pip goes where O(environment) sends uv, by
    variables of its own that follow from it, and credentials are in no argument.
options:
  version:
    description: Version of uv.
    type: str
    required: true
  folder:
    description: Folder of this version. Each needs its own.
    type: path
    required: true
  requirements:
    description: Text of a C(requirements.txt) that has the hashes of this version's wheels.
    type: str
    required: true
  environment:
    description:
      - Variables of uv about indexes, their credentials, proxies and authorities, by the filter
        P(asgi.fleet.environment_file#filter).
    type: str
    default: ""
  wheel:
    description:
      - Path of a wheel of uv on the host. Nothing is downloaded then, and neither pip nor the
        package C(python3-venv) is needed.
    type: path
    default: ""
  cache:
    description:
      - The controller's cache, into which M(asgi.fleet.wheelhouse) has fetched the wheel for
        O(platform), to be sent as O(wheel).
    type: path
    default: ""
  platform:
    description: The host's platform, as M(asgi.fleet.release) returns it.
    type: str
    default: ""
  prefix:
    description: Prefix of the variables that messages name.
    type: str
    default: python_release_
requirements:
  - The package python3-venv, without O(wheel)
attributes:
  check_mode:
    description: Reports whether uv would be installed.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: A host that has the program is not changed.
    support: full
"""

EXAMPLES = r"""
- name: Install uv
  asgi.fleet.uv:
    version: 0.13.8
    folder: /opt/uv/0.13.8
    requirements: "{{ lookup('ansible.builtin.file', 'uv-requirements.txt') }}"
    environment: "{{ python_release_uv_environment | asgi.fleet.environment_file }}"
"""

RETURN = r"""
path:
  description: Path of the program.
  returned: success
  type: str
  sample: /opt/uv/0.13.8/bin/uv
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.releases.uv_program import (
    Program,
    install,
)

OPTIONS = ("version", "folder", "requirements", "environment", "wheel", "prefix")


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "version": {"type": "str", "required": True},
            "folder": {"type": "path", "required": True},
            "requirements": {"type": "str", "required": True},
            "environment": {"type": "str", "default": "", "no_log": True},
            "wheel": {"type": "path", "default": ""},
            # Both are the action plugin's, which does not pass them on.
            "cache": {"type": "path", "default": ""},
            "platform": {"type": "str", "default": ""},
            "prefix": {"type": "str", "default": "python_release_"},
        },
        supports_check_mode=True,
    )
    options = {name: module.params[name] for name in OPTIONS}
    options["environment"] = parse_environment(options["environment"])
    program = Program(**options)
    missing = not program.is_there
    try:
        if missing and not module.check_mode:
            install(program)
    except (BuildError, ControllerGone, OSError, UnsafeFolderError) as error:
        module.refuse(error)
    module.exit_json(changed=missing, path=program.path)


if __name__ == "__main__":
    main()
