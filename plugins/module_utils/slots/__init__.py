"""The two slots: starting the idle one, proving it healthy, the cut-over, and the revert.

May import: application, host, protocol, timers.
"""
