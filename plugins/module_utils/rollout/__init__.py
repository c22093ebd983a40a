"""A rollout on one host: it begins, it is reverted, it ends.

May import: slots, releases, application, host, protocol.
"""
