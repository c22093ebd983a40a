"""Backups of an application's data on one host: made, checked, kept, and made again by a timer.

May import: operation, application, host, protocol, timers.
"""
