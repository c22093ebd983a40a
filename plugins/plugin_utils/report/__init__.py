"""What a person reads: the fleet's table, the findings of a verification, why a task failed.

May import: text.
"""
