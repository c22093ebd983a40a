"""The sites of a balancer: from the inventory's hosts, and as HAProxy's configuration names them.

May import: inputs, protocol.
"""
