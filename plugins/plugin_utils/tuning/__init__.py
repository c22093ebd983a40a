"""How many workers suit a host, measured: what is asked for, the load's script, the recommendation.

May import: inputs, report, sizing, text.
"""
