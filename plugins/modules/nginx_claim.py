#!/usr/bin/python
"""Module `asgi.fleet.nginx_claim`; the decisions are in `module_utils/servers/nginx_claim.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

# ansible-test asks for run_command, which decodes less leniently.
# pylint: disable=ansible-bad-function

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_claim
short_description: Find what a host serves already, and how a site of nginx gets in beside it
version_added: "0.1.0"
description:
  - Refuses a site that would replace what is someone's own, or collide with it, and names that,
    a file, a program that listens on the same port, a site with the same name. Nothing is changed.
  - A file is asgi.fleet's by its header, a package's if it is as dpkg has it, and otherwise
    someone's own.
  - Otherwise tells which files M(asgi.fleet.nginx_config) may write and remove. What is someone's
    own is kept, and named in a warning.
options:
  site:
    description: The file of the site.
    type: path
    required: true
  domains:
    description: Its server names.
    type: list
    elements: str
    required: true
  http_port:
    description: The port of the redirect.
    type: int
    default: 80
  https_port:
    description: The port of the site.
    type: int
    default: 443
  ipv6:
    description: Whether the site listens on IPv6 too, on a host that has it.
    type: bool
    default: true
  main_config:
    description:
      - V(auto) writes C(/etc/nginx/nginx.conf) unless that is someone's own. V(replace) writes it
        in any case, and keeps a copy of someone's own. V(keep) does not write it.
    type: str
    choices: [auto, replace, keep]
    default: auto
  default_server:
    description: Whether host names that no site has are to be refused.
    type: bool
    default: true
  user:
    description: The account of nginx's workers.
    type: str
    default: www-data
  files:
    description: Further files that the site is to write.
    type: list
    elements: path
    default: []
  by_address:
    description:
      - Whether clients ask for an address instead of a name. Only the default server of the port
        serves them, so it must be this site's.
    type: bool
    default: false
  mount_of:
    description: The site in whose servers it is served; empty for servers of its own.
    type: str
    default: ""
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
seealso:
  - module: asgi.fleet.nginx_config
"""

EXAMPLES = r"""
- name: Find out what the host serves already
  asgi.fleet.nginx_claim:
    site: /etc/nginx/conf.d/shop.conf
    domains: [shop.example.com]
"""

RETURN = r"""
installed:
  description: Whether nginx is there.
  returned: success
  type: bool
version:
  description: What C(nginx -V) prints; empty without nginx.
  returned: success
  type: str
ipv6:
  description: Whether the site is to listen on IPv6, which needs a kernel that has it.
  returned: success
  type: bool
main_config:
  description: Whether to write C(/etc/nginx/nginx.conf).
  returned: success
  type: bool
main_kept:
  description: Whether C(/etc/nginx/nginx.conf) is someone's own, and stays.
  returned: success
  type: bool
backup:
  description: Files of someone's that are replaced, of which to keep a copy.
  returned: success
  type: list
  elements: str
default_http:
  description: Where a default server for HTTP can listen.
  returned: success
  type: list
  elements: str
default_https:
  description: The same for HTTPS.
  returned: success
  type: list
  elements: str
absent:
  description: Files to remove, the unchanged default pages of the packages.
  returned: success
  type: list
  elements: str
"""

import os
import subprocess
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.addresses import has_ipv6
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import (
    UnfitError,
    require_fit_host,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import listeners
from ansible_collections.asgi.fleet.plugins.module_utils.servers import (
    nginx_claim,
    nginx_mounts,
    standing,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx_syntax import read_tree

EXECUTABLE = "/usr/sbin/nginx"
UNIT = "nginx.service"
PORTS = ("nginx_site_http_port", "nginx_site_https_port")


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "site": {"type": "path", "required": True},
            "domains": {"type": "list", "elements": "str", "required": True},
            "http_port": {"type": "int", "default": 80},
            "https_port": {"type": "int", "default": 443},
            "ipv6": {"type": "bool", "default": True},
            "main_config": {
                "type": "str",
                "choices": ["auto", "replace", "keep"],
                "default": "auto",
            },
            "default_server": {"type": "bool", "default": True},
            "user": {"type": "str", "default": "www-data"},
            "files": {"type": "list", "elements": "path", "default": []},
            "by_address": {"type": "bool", "default": False},
            "mount_of": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        require_fit_host()
        found = look(module.params)
    except (UnfitError, OSError) as error:
        module.refuse(error)
    verdict: nginx_claim.NginxVerdict = found.pop("verdict")
    if verdict.problems:
        module.fail_json(msg=standing.refusal(f"nginx ({module.params['site']})", verdict.problems))
    for note in verdict.notes:
        module.warn(note)
    module.exit_json(
        changed=False,
        main_config=verdict.main_config,
        main_kept=verdict.main_kept,
        backup=verdict.backup,
        default_http=verdict.default_http,
        default_https=verdict.default_https,
        absent=verdict.absent,
        **found,
    )


def look(options: dict[str, Any]) -> dict[str, Any]:
    """Look at the host, and judge."""
    site = nginx_claim.Site(
        path=options["site"],
        domains=tuple(name.lower() for name in options["domains"]),
        http_port=options["http_port"],
        https_port=options["https_port"],
        ipv6=options["ipv6"] and has_ipv6(),
        main_config=options["main_config"],
        default_server=options["default_server"],
        user=options["user"],
        by_address=options["by_address"],
    )
    installed = os.path.exists(EXECUTABLE)
    version = nginx_version() if installed else ""
    build = nginx_claim.Build.of(version)
    files = standing.Files(os.path.dirname(nginx_claim.MAIN))
    origins = standing.origins((nginx_claim.MAIN, *nginx_claim.PAGES), files)
    pages = [path for path in nginx_claim.PAGES if origins[path] == standing.PACKAGED]
    own = frozenset((site.path, nginx_claim.DEFAULT_SERVER, *pages))
    counts = nginx_claim.main_counts(origins[nginx_claim.MAIN], site.main_config)
    tree = read_tree(
        nginx_claim.MAIN,
        skip=own,
        read=lambda path: (
            nginx_claim.INCLUDED if path == nginx_claim.MAIN and not counts else read_text(path)
        ),
    )
    name = os.path.splitext(os.path.basename(site.path))[0]
    verdict = nginx_claim.judge(
        site,
        origins,
        tree,
        build.user,
        lambda path: standing.is_ours(read_text(path)),
        other_owner(site.path, name),
    )
    verdict.absent += nginx_mounts.stale_mounts(name, options["mount_of"])
    verdict.notes += nginx_mounts.mount_notes(name, options["mount_of"], os.path.exists)
    verdict.problems[:0] = [
        *standing.unit_problems(standing.Unit.named(UNIT), UNIT, EXECUTABLE, installed=installed),
        *nginx_claim.build_problems(build, EXECUTABLE),
        *standing.taken_ports(dict(zip(site.ports, PORTS, strict=True)), UNIT, listeners()),
        *standing.foreign_files(standing.origins(options["files"], files)),
    ]
    return {
        "verdict": verdict,
        "installed": installed,
        "version": version,
        "ipv6": site.ipv6,
    }


def other_owner(path: str, name: str) -> str:
    """Return the other site that our default server serves by its address; empty for none."""
    owner = nginx_claim.default_owner(read_text(nginx_claim.DEFAULT_SERVER))
    there = os.path.exists(os.path.join(os.path.dirname(path), f"{owner}.conf"))
    return owner if owner != name and there else ""


def nginx_version() -> str:
    """Return what `nginx -V` prints."""
    return subprocess.run(
        [EXECUTABLE, "-V"], stderr=subprocess.PIPE, encoding="utf-8", errors="replace", check=False
    ).stderr


if __name__ == "__main__":
    main()
