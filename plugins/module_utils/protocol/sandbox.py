"""What a process of an application may do: one set of systemd's directives for all of them.

The slots' unit template, hooks, builds and the import check use it, so that they cannot differ. The
directives are those of systemd.exec(5) and systemd.resource-control(5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.places import Place, of_entries
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import source_folder

# No `|`: ansible-test checks the oldest Python of hosts, where it is none between classes.
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]  # noqa: UP007

#: Names that `network_allow` knows besides networks in CIDR notation.
ANY, LOCALHOST, LINK_LOCAL = "any", "localhost", "link-local"
#: Where systemd-resolved answers questions for names: always allowed.
RESOLVER = ("127.0.0.53", "127.0.0.54")
#: The networks behind the names; systemd.resource-control(5) has the same.
NAMED: dict[str, tuple[str, ...]] = {
    LOCALHOST: ("127.0.0.0/8", "::1/128"),
    # Where clouds answer any process with the credentials of the machine: 169.254.169.254, and
    # their IPv6 addresses, which are unique local ones.
    LINK_LOCAL: ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "fd20:ce::/32"),
}
#: What `any` starts from: IPv4, and the parts of IPv6 that are in use: global and unique local
#: addresses, and those of NAT64 (RFC 6052).
EVERYTHING = ("0.0.0.0/0", "2000::/3", "fc00::/7", "64:ff9b::/96")

#: Name and value of each directive that is always there, in the order of the unit.
ALWAYS: tuple[tuple[str, str], ...] = (
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("PrivateTmp", "yes"),
    ("PrivateMounts", "yes"),
    ("PrivateUsers", "yes"),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectProc", "invisible"),
    ("RemoveIPC", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("KeyringMode", "private"),
    ("UMask", "0027"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    # A refused call is an error that the application sees, not a killed worker.
    ("SystemCallErrorNumber", "EPERM"),
)


@dataclass(frozen=True)
class Sandbox:
    """What one application needs beyond the least.

    Attributes:
        network_allow: `any`, `localhost`, `link-local`, and networks in CIDR notation. `any` is
            everything but the two others, which must be named.
        writable_paths: Absolute paths that it may write, besides its own state and cache.
        places: Places inside of the source that it may write.
        devices: Absolute paths of devices, such as /dev/nvidia0.
        jit: Whether it makes code at run time: PyTorch, Numba, ONNX Runtime.
        netlink: Whether it reads the host's network interfaces (AF_NETLINK).
        options: Further directives of the unit; a later one wins.
    """

    network_allow: Sequence[str] = (ANY,)
    writable_paths: Sequence[str] = ()
    places: Sequence[Place] = ()
    devices: Sequence[str] = ()
    jit: bool = False
    netlink: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    def of_release(self, release: str) -> Sandbox:
        """Return it with the places as paths of a release.

        What is kept over releases lies in the application's state, which it may write anyway.
        """
        source = source_folder(release)
        inside = [f"{source}/{place.name}" for place in self.places if not place.keep]
        return replace(self, writable_paths=(*self.writable_paths, *inside), places=())


#: The option `sandbox` of modules that run something of an application.
OPTION: dict[str, Any] = {
    "type": "dict",
    "default": {},
    "options": {
        "network_allow": {"type": "list", "elements": "str", "default": [ANY]},
        "writable_paths": {"type": "list", "elements": "raw", "default": []},
        "devices": {"type": "list", "elements": "str", "default": []},
        "jit": {"type": "bool", "default": False},
        "netlink": {"type": "bool", "default": False},
        "options": {"type": "dict", "default": {}},
    },
}


def of_option(option: Mapping[str, Any]) -> Sandbox:
    """Return the sandbox that a module's option `sandbox` describes; an empty one is the least."""
    told: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in option.items()
    }
    told["writable_paths"], told["places"] = of_entries(option.get("writable_paths", ()))
    told["options"] = {name: str(value) for name, value in option.get("options", {}).items()}
    return Sandbox(**told)


def directives(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return the directives of a unit's [Service] section, without `options`, in order."""
    families = "AF_UNIX AF_INET AF_INET6" + (" AF_NETLINK" if sandbox.netlink else "")
    found = [*ALWAYS, ("RestrictAddressFamilies", families)]
    if not sandbox.jit:
        found.append(("MemoryDenyWriteExecute", "yes"))
    if sandbox.writable_paths:
        found.append(("ReadWritePaths", " ".join(sandbox.writable_paths)))
    # PrivateDevices= would hide the named devices.
    if not sandbox.devices:
        found.append(("PrivateDevices", "yes"))
    found.append(("DevicePolicy", "closed"))
    found += [("DeviceAllow", f"{path} rw") for path in sandbox.devices]
    return found + network_directives(sandbox.network_allow)


def network_directives(allow: Iterable[str]) -> list[tuple[str, str]]:
    """Return the directives that let a unit reach only `allow`.

    The list is one of what is allowed: systemd looks at IPAddressAllow= first, so that an exception
    from an allowed network cannot be written as one.
    """
    names = set(allow)
    if names >= {ANY, LOCALHOST, LINK_LOCAL}:
        return []
    found: list[str] = []
    if ANY in names:
        refused = [
            ipaddress.ip_network(network)
            for name, networks in NAMED.items()
            if name not in names
            for network in networks
        ]
        found += [str(one) for one in _without(map(ipaddress.ip_network, EVERYTHING), refused)]
    # Of IPv6, `any` does not start from these.
    found += [network for name in NAMED if name in names for network in NAMED[name]]
    found += sorted(names - {ANY, *NAMED})
    if LOCALHOST not in names:
        found += RESOLVER
    return [("IPAddressDeny", "any"), ("IPAddressAllow", " ".join(found))]


def _without(networks: Iterable[Network], refused: Iterable[Network]) -> list[Network]:
    """Return networks that together are `networks` less `refused`."""
    left = list(networks)
    for gone in refused:
        kept: list[Network] = []
        for one in left:
            if one.version != gone.version or not one.overlaps(gone):
                kept.append(one)
            elif gone.subnet_of(one):  # type: ignore[arg-type]  # both have the same version
                kept += one.address_exclude(gone)  # type: ignore[arg-type]
        left = kept
    return sorted(left, key=lambda one: (one.version, one))
