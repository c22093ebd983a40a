"""How an application stands on a host. Reads, and never changes anything.

May import: slots, releases, application, host, protocol.
"""
