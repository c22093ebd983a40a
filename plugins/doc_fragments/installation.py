"""Documentation of what is installed of a project, as the controller decides it."""

from __future__ import annotations


class ModuleDocFragment:
    """What is installed, and where the project is."""

    DOCUMENTATION = r"""
options:
  installation:
    description:
      - What is installed of a tree, as M(asgi.fleet.source) decided by its files. Nothing else is
        looked for.
    type: dict
    default: {}
    suboptions:
      file:
        description: The file that names the dependencies, by its path in the tree; empty for none.
        type: str
        default: ""
      exported:
        description: That file as a requirements file, which is installed in its place.
        type: str
        default: ""
      extras:
        description: Extras of the project.
        type: list
        elements: str
        default: []
      groups:
        description: Dependency groups of the project.
        type: list
        elements: str
        default: []
      package:
        description: Whether the project itself is built and installed.
        type: bool
        default: false
      name:
        description: The project's name in its C(pyproject.toml).
        type: str
        default: ""
      build_environment:
        description: Variables of the build of the project.
        type: dict
        default: {}
      notes:
        description: What was found in the project and is not used, and why.
        type: list
        elements: str
        default: []
  project:
    description:
      - The project's folder in the tree; empty for its root. With a folder, the tree is the
        release's C(repository), and C(src) leads to the folder.
    type: str
    default: ""
"""
