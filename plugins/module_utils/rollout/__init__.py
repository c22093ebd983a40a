"""A rollout on one host: its begin, its revert, its end.

May import: backups, survey, servers, slots, releases, application, host, protocol.
"""
