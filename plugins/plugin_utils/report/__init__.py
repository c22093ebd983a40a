"""What the operator reads: the table of the fleet, the findings of a verification, failures.

May import: text.
"""
