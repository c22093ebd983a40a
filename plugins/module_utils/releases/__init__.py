"""The releases of an application: how they are built, and which ones are kept.

May import: application, host, protocol.
"""
