"""The state of an application on a host. Only reads.

May import: slots, releases, application, host, protocol.
"""
