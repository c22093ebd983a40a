#!/usr/bin/python
"""Module `asgi.fleet.config_files`; the comparison is in `module_utils/servers/changes.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write small files and their folders in one round trip
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Writes files with the mode 0644, owned by the user that it runs as, and their folders. Removes
    other files.
  - C(template) takes five round trips for one file that is already correct, and cannot create its
    folder. This module takes one round trip for any number of files.
  - Each file is replaced by one rename, and only after O(validate) has accepted all of them.
options:
  files:
    description: Content of each file, by its absolute path.
    type: dict
    default: {}
  programs:
    description: As O(files), but with the mode 0755.
    type: dict
    default: {}
  seeds:
    description: Initial content of files, by absolute path; existing files are left unchanged.
    type: dict
    default: {}
  absent:
    description: Absolute paths of files that must not exist.
    type: list
    elements: path
    default: []
  validate:
    description: Command that tests the content of a file before it is written, at C(%s).
    type: str
    default: ""
attributes:
  check_mode:
    description: Reports the changes, without O(validate), whose program may not be installed yet.
    support: full
  diff_mode:
    description: Shows each file.
    support: full
  idempotent:
    description: Changes nothing when the files have the wanted content.
    support: full
"""

EXAMPLES = r"""
- name: Limit the size of the journal
  asgi.fleet.config_files:
    files:
      /etc/systemd/journald.conf.d/60-size.conf: |
        [Journal]
        SystemMaxUse=500M
  notify: Restart journald
"""

RETURN = r"""
written:
  description: Paths of the files that were, or in check mode would be, replaced.
  returned: success
  type: list
  elements: str
removed:
  description: Paths that were, or in check mode would be, removed.
  returned: success
  type: list
  elements: str
"""

import shlex
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import (
    look,
    plan,
    refuse_relative,
)


def validate(module: Module, texts: Iterable[str]) -> None:
    """End the module if the command refuses one of the texts."""
    if not module.params["validate"]:
        return
    for text in texts:
        with tempfile.TemporaryDirectory(dir=module.tmpdir) as folder:
            candidate = Path(folder, "candidate")
            candidate.write_text(text, encoding="utf-8", errors="surrogateescape")
            command = shlex.split(module.params["validate"].replace("%s", str(candidate)))
            code, output, error = module.run_command(command)
        if code:
            said = (error or output).strip()
            module.fail_json(
                msg=f"{command[0]} refuses the new content: {said}; all files are as they were"
            )


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "files": {"type": "dict", "default": {}},
            "programs": {"type": "dict", "default": {}},
            "seeds": {"type": "dict", "default": {}},
            "absent": {"type": "list", "elements": "path", "default": []},
            "validate": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    seeds, programs, absent = (module.params[name] for name in ("seeds", "programs", "absent"))
    files = module.params["files"] | programs
    wrong = refuse_relative([*files, *seeds], absent)
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    found = look([*files, *seeds, *absent])
    missing = {path: text for path, text in seeds.items() if found[path] is None}
    changes = plan(missing | files, absent, found, programs)
    if not module.check_mode:
        validate(module, changes.write.values())
        changes.carry_out()
    module.exit_json(
        changed=bool(changes),
        diff=changes.diff(),
        written=sorted(changes.write),
        removed=list(changes.remove),
    )


if __name__ == "__main__":
    main()
