"""What `ansible.module_utils.testing` offers, for ansible-core 2.17, which does not have it yet.

2.17 is the last ansible-core for Python 3.10, on which the tests of host code run as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

from ansible.module_utils import basic


@contextmanager
def patch_module_args(arguments: Mapping[str, object]) -> Iterator[None]:
    """Give the arguments to each `AnsibleModule` that is made within this context."""
    encoded = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    with mock.patch.object(basic, "_ANSIBLE_ARGS", encoded):
        yield
