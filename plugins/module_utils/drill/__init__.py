"""What a drill does on a host: faults that end by themselves, a load, and what was served.

May import: application, host, protocol, releases, servers, slots.
"""
