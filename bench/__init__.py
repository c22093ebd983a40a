"""Measurements: each is one command that prints one JSON line."""
