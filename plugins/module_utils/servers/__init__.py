"""nginx and HAProxy on a host: their configuration, and what they served.

May import: entry, host, protocol.
"""
