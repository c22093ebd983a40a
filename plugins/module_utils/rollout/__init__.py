"""A rollout on one host: its begin, its revert, its end.

May import: survey, slots, releases, application, host, protocol.
"""
