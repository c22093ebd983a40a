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
    description: The source's file that names its dependencies; V(auto) for the most exact one.
    type: str
    default: auto
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
archive:
  description: Path of the archive on the controller; empty for a package.
  returned: success
  type: str
commit:
  description: The git commit; empty for other types.
  returned: success
  type: str
requirement:
  description: Requirement that a host installs by name; empty for types other than package.
  returned: success
  type: str
shown:
  description: The source without credentials; what this result is of, also for the manifest.
  returned: success
  type: dict
"""
