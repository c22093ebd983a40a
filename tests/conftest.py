"""Makes `ansible_collections.asgi.fleet` importable in a clone, as Ansible itself finds it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ansible" / "collections"))
