"""The deployment's variables: one table, its checks, and how a refusal is worded.

May import: protocol, sizing, text.
"""
