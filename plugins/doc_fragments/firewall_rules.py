"""Which ports a host leaves open: options of `asgi.fleet.firewall` and `asgi.fleet.host_drift`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations


class ModuleDocFragment:
    """The options of `ARGUMENTS` in `module_utils/host/firewall.py`."""

    DOCUMENTATION = r"""
options:
  ssh_ports:
    description: Ports to keep open for SSH besides the session's; 22 if there is none of both.
    type: list
    elements: int
    default: []
  tcp_ports:
    description: Ports open to everybody.
    type: list
    elements: int
    default: []
  rules:
    description: Further rules, in this order; those that others made stay.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: A port, or a range such as C(6000:6007).
        type: str
        required: true
      proto:
        description: Protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      from_ip:
        description: Address or network that the rule is for.
        type: str
        default: any
      rule:
        description: What happens to a connection.
        type: str
        choices: [allow, deny, limit, reject]
        default: allow
      comment:
        description: Shown by C(ufw status).
        type: str
      delete:
        description: Delete the rule instead of adding it.
        type: bool
        default: false
  vrrp_peers:
    description:
      - Addresses of the hosts that share an address with this one by VRRP (keepalived), whose
        messages are let in.
      - A ufw older than 0.36.2 does not know the protocol; there, all is let in that comes from
        these addresses.
    type: list
    elements: str
    default: []
  listening:
    description:
      - When a host is closed that was open, what becomes of the programs that listen there, for
        others than itself, on ports that no rule names. SSH stays open in any case.
      - V(adopt) keeps each open by a rule, whose comment says for whom; V(strict) refuses, with
        their names.
      - Sockets of UDP clients are no services; their answers come in anyway.
    type: str
    choices: [adopt, strict]
    default: adopt
"""
