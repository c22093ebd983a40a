"""What an operator does with a live release on one host: run a command in it, read its logs.

May import: application, host, protocol, servers.
"""
