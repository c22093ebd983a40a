"""A host without regard to its applications: files, locks, systemd, journal, firewall, capacity.

May import: protocol.
"""
