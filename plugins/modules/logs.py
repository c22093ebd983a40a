#!/usr/bin/python
"""Read an application's journal and access log."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: logs
short_description: Read an application's journal and access log
version_added: "0.1.0"
description:
  - Returns lines of the application's units (its slots, builds, hooks, commands, and the renewal of
    its certificate) and of nginx's access log, in order of time. Secrets are replaced by their
    names.
  - With O(follow), its action plugin goes on from O(position) and shows lines as they come. Each
    call waits on the host for the next lines, and ends when the controller is gone.
extends_documentation_fragment: asgi.fleet.reading
options:
  name:
    description: The application.
    type: str
    required: true
  since:
    description: Unix time of the first line.
    type: float
    required: true
  source:
    description: Which logs.
    type: str
    choices: [all, journal, access]
    default: all
  grep:
    description: A regular expression that must be found in a line, without its time and its host.
    type: str
    default: ""
  release:
    description:
      - Only lines of this release. In the journal these are those of its slot while it was in it,
        in the access log those of requests that ended while it was live.
    type: str
    default: ""
  timer:
    description: Only lines of the runs of this timer; the access log has none.
    type: str
    default: ""
  lines:
    description: How many lines to return, the last ones.
    type: int
    default: 500
  log:
    description: nginx's log of the application.
    type: path
    required: true
  process:
    description: Only lines of the process of this name, see O(asgi.fleet.slot#module:processes).
    type: str
    default: ""
  public_names:
    description: Variables of the application's environment whose values may be shown.
    type: list
    elements: str
    default: []
  position:
    description: The C(position) that an earlier call has returned. Only later lines are returned.
    type: dict
    default: {}
  wait:
    description: With O(position), seconds to wait for the first line.
    type: float
    default: 0
  follow:
    description: For the action plugin, whether to show lines as they come.
    type: bool
    default: false
  seconds:
    description: For O(follow), seconds after which to end; 0 for never.
    type: int
    default: 0
  interval:
    description: For O(follow), seconds from one call to the next, while there are lines.
    type: float
    default: 2
  width:
    description: For O(follow), how wide the column of the hosts is.
    type: int
    default: 0
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Read the errors of the last ten minutes
  asgi.fleet.logs:
    name: shop
    since: "{{ now().timestamp() - 600 }}"
    grep: ERROR
    log: /var/log/nginx/shop.log
  register: shop_logs
"""

RETURN = r"""
lines:
  description: The lines, in order of time, each with its Unix time, its log, and its text.
  returned: success
  type: list
  elements: list
left_out:
  description: How many earlier lines there were too many; null if they were not counted.
  returned: success
  type: int
position:
  description: How far the logs have been read.
  returned: success
  type: dict
"""

from dataclasses import asdict

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.operation.logs import (
    LogsError,
    Position,
    Question,
    Reader,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "since": {"type": "float", "required": True},
            "source": {"type": "str", "choices": ["all", "journal", "access"], "default": "all"},
            "grep": {"type": "str", "default": ""},
            "release": {"type": "str", "default": ""},
            "timer": {"type": "str", "default": ""},
            "lines": {"type": "int", "default": 500},
            "log": {"type": "path", "required": True},
            "process": {"type": "str", "default": ""},
            "public_names": {"type": "list", "elements": "str", "default": []},
            "position": {"type": "dict", "default": {}},
            "wait": {"type": "float", "default": 0},
            "follow": {"type": "bool", "default": False},
            "seconds": {"type": "int", "default": 0},
            "interval": {"type": "float", "default": 2},
            "width": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    options = module.params
    question = Question(
        options["since"],
        options["source"],
        options["grep"],
        options["release"],
        options["timer"],
        options["lines"],
        options["log"],
        options["process"],
    )
    try:
        reader = Reader(Application(options["name"]), question, options["public_names"])
        position = options["position"]
        answer = reader.follow(Position(**position), options["wait"]) if position else reader.read()
    except (ControllerGone, LogsError, OSError) as error:
        module.refuse(error)
    module.exit_json(
        changed=False,
        lines=answer.lines,
        left_out=answer.left_out,
        position=asdict(answer.position),
    )


if __name__ == "__main__":
    main()
