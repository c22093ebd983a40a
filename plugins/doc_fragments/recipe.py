"""Documentation of what a release is made of: the options of whatever builds."""

from __future__ import annotations


class ModuleDocFragment:
    """What is built, of what, and within which limits."""

    DOCUMENTATION = r"""
options:
  kind:
    description: Kind of the archive; V(package) has none.
    type: str
    choices: [tree, wheel, package]
    default: tree
  archive:
    description: The archive on this host. Not used if the release is already there.
    type: path
  content:
    description: The archive in base64; set from O(local_archive).
    type: str
  archive_name:
    description: File name of the archive; set from O(local_archive).
    type: str
    default: ""
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
  uv_environment:
    description: Further environment of uv, such as credentials of an index, by the same filter.
    type: str
    default: ""
  prefix:
    description: Prefix of the variables that messages name.
    type: str
    default: python_release_
  memory_max:
    description: C(MemoryMax=) of the build and the import, as in systemd.resource-control(5).
    type: str
    default: 50%
  timeout:
    description: Seconds that a step of the build may take.
    type: float
    default: 1800
"""
