"""How many workers suit a host, measured: the live release in a slot of its own, under load.

May import: application, host, protocol, slots.
"""
