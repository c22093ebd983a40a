"""Served from its folder; no package."""
