"""Where a release comes from: one archive, the same for every host, and how it is installed.

May import: protocol, text.
"""
