"""One application on a host: where everything is, who holds its lock, what happened to it.

May import: host, protocol.
"""
