"""Where a release comes from: a source becomes one archive, the same bytes for every host.

May import: protocol, text.
"""
