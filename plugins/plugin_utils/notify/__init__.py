"""Telling people what happens to a fleet: events, their bodies, and who gets them.

May import: inputs, report.
"""
