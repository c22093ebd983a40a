"""Certificates that a host obtains itself: the ACME client and its account.

May import: releases, application, host, protocol.
"""
