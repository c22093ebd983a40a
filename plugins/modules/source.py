#!/usr/bin/python
"""The documentation of the action plugin `source`; the work is done on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: source
short_description: Turn an application's source into one archive, on the controller
version_added: "0.1.0"
description:
  - Resolves a git version, a folder, an archive or a package to one archive and one release id.
  - Meant to run once for a rollout, so that every host gets the same bytes.
  - It writes only to the controller's cache, so it also runs in check mode.
options:
  source:
    description: Where the application comes from; see C(app_source) in docs/variables.md.
    type: dict
    required: true
  cache:
    description: Folder on the controller that keeps clones and archives.
    type: path
    required: true
  ingredients:
    description:
      - Everything else that determines a release, such as the Python version.
      - A change of any of them gives another release id.
    type: list
    elements: str
    default: []
  require_hashes:
    description:
      - Refuse a source whose dependency file has no hash for all that it names. So does
        M(asgi.fleet.release), but later.
    type: bool
    default: false
  dependencies:
    description:
      - The C(file) that names the dependencies (V(auto) for the most exact one, V(none), or a path
        from the project's folder), and the C(extras) and C(groups) of the project to install.
    type: raw
    default: {}
  package:
    description:
      - Whether the project itself is built and installed; V(auto) builds it if its build system
        finds a package.
    type: raw
    default: auto
  python:
    description: Version of the interpreter; empty for the host's own.
    type: str
    default: ""
  module:
    description: The ASGI callable; empty to find it in the source.
    type: str
    default: ""
  commands:
    description: Commands that the deployment runs with the release, about which notes say nothing.
    type: list
    elements: str
    default: []
  exporter_lock:
    description:
      - A requirements file with hashes of Poetry and its export plugin, from which they are
        installed into the cache for a source with a C(poetry.lock).
    type: str
    default: ""
  prefix:
    description: Prefix of the variables that messages name.
    type: str
    default: app_
attributes:
  check_mode:
    description: Runs in full, because it changes only the cache.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: The same source gives the same archive and id; never reported as changed.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Pack the source
  asgi.fleet.source:
    source: {type: git, url: "https://git.example.com/shop.git", version: v1.4.2}
    cache: ~/.cache/asgi-fleet
  delegate_to: localhost
  run_once: true
  register: packed
"""

RETURN = r"""
release_id:
  description: Id of the release that the source makes.
  returned: success
  type: str
  sample: v1.4.2-9f86d081
kind:
  description: tree, wheel, or package (which has no archive).
  returned: success
  type: str
  sample: tree
cache:
  description: The folder O(cache), with the mirrors of git's repositories.
  returned: success
  type: str
archive:
  description: Path of the archive on the controller; empty for a package.
  returned: success
  type: str
commit:
  description: The git commit; empty for other types.
  returned: success
  type: str
subject:
  description: The first line of the commit's message; empty for other types.
  returned: success
  type: str
requirement:
  description: Requirement that a host installs by name; empty for types other than package.
  returned: success
  type: str
project:
  description: The project's folder in the packed tree; empty for its root.
  returned: success
  type: str
installation:
  description: How the tree is installed, for the option of that name of M(asgi.fleet.release).
  returned: success
  type: dict
module:
  description: The ASGI callable as Gunicorn takes it.
  returned: success
  type: str
notes:
  description: What was found in the source and is not used, and why.
  returned: success
  type: list
  elements: str
ingredients:
  description: O(ingredients), to tell whether this result is that of another host as well.
  returned: success
  type: list
  elements: str
shown:
  description: The source without credentials; what this result is of, also for the manifest.
  returned: success
  type: dict
"""
