"""Makes `ansible_collections.asgi.fleet` importable in a clone, by Ansible's own finder.

Not by `sys.path`: what Python has imported that way, Ansible's templates could not load any more.
"""

from pathlib import Path

from ansible.plugins.loader import init_plugin_loader

ROOT = Path(__file__).resolve().parent.parent
init_plugin_loader([str(ROOT / ".ansible" / "collections")])
