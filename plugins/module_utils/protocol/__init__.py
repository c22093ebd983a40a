"""What is exchanged between hosts and controller: its types, and its format.

Both sides read it, so it contains no behaviour of either.

May import: nothing of this collection.
"""
