"""A host, whatever runs on it: files, locks, systemd, the journal, the firewall, its capacity.

May import: protocol.
"""
