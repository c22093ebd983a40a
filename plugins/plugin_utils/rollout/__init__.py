"""A rollout over the fleet: its waves, the canary analysis, and what is reverted.

May import: report, sizing.
"""
