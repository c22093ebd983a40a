"""A backend that is a member of a uv workspace."""
