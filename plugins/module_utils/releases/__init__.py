"""The releases of an application: how one is built, and which of them stay.

May import: application, host, protocol.
"""
