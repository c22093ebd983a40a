"""What an installed nginx or HAProxy can do, by the version that it prints.

May import: nothing else here.
"""
