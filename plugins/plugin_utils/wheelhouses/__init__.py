"""What the controller sends to whoever builds, and gets: archives, wheels, and who builds them.

May import: inputs, sources.
"""
