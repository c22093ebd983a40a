"""What crosses between hosts and controller: its types, and how it is written.

Read by both sides, so it holds no behaviour of either.

May import: nothing of this collection.
"""
