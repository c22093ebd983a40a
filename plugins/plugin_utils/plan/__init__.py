"""A plan: what a run would do, as a document with a hash, and what has moved since it was made.

May import: protocol, report, rollout, sources.
"""
