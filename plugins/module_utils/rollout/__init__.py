"""A rollout on one host: its begin, its revert, its end.

May import: survey, servers, slots, releases, application, host, protocol.
"""
