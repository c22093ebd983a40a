"""One application on a host: its files, whose they are, its lock and its history.

May import: host, protocol.
"""
