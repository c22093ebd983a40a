"""Makes `ansible_collections.asgi.fleet` importable in a clone, by Ansible's own finder.

Not by `sys.path`: what Python has imported that way, Ansible's templates could not load any more.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from ansible.plugins.loader import init_plugin_loader

from tests import older_ansible

ROOT = Path(__file__).resolve().parent.parent
init_plugin_loader([str(ROOT / ".ansible" / "collections")])

if find_spec("ansible.module_utils.testing") is None:
    sys.modules["ansible.module_utils.testing"] = older_ansible
