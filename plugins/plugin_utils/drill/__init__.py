"""Whether a fleet keeps its promises when something breaks: exercises, and what came of each.

May import: inputs, operation, protocol, report, text.
"""
