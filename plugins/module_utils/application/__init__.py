"""One application on a host: its files, its lock and its history.

May import: host, protocol.
"""
