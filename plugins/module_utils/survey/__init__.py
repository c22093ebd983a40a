"""The state of an application on a host. Only reads.

May import: backups, servers, slots, releases, application, host, protocol, timers.
"""
