"""The timers of an application: its scheduled commands, which run in the live slot's release.

May import: application, host, protocol.
"""
