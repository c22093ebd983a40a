"""What an operator asks of a fleet besides rollouts: commands, logs, history.

May import: inputs, report, text.
"""
