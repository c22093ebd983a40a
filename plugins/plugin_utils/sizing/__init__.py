"""How many workers a host gets, and the order of a service's timeouts.

May import: text.
"""
